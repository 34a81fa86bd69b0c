/// Writes model files as the programs of other projects write them, from named arrays, so that the readers meet whole
/// files of any size. Nothing here needs LibTorch.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/rosinality.hpp"
#include "support/pickles.hpp"

namespace nada::test {

/// A named array that owns its bytes.
struct PlainTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::string data;
};

namespace detail {

inline std::string_view storage_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "FloatStorage";
    case DType::f16:
      return "HalfStorage";
    case DType::i64:
      return "LongStorage";
    default:
      fail("no storage of ", name_of(dtype), " is written");
  }
}

inline std::int64_t elements(const PlainTensor& tensor) {
  return static_cast<std::int64_t>(tensor.data.size() / size_of(tensor.dtype));
}

/// Returns a tensor that is the whole of the storage `key`.
inline std::string pickled(const PlainTensor& tensor, const std::string& key) {
  return pickle::tensor(pickle::storage(storage_type(tensor.dtype), key, elements(tensor)), 0, tensor.shape,
                        contiguous_strides(tensor.shape));
}

/// A module, found by the parts of dotted names; the last part is a tensor, already pickled.
struct Module {
  std::map<std::string, Module> modules;
  std::map<std::string, std::string> tensors;

  void put(std::string_view name, std::string value) {
    const auto dot = name.find('.');
    if (dot == name.npos)
      tensors[std::string(name)] = std::move(value);
    else
      modules[std::string(name.substr(0, dot))].put(name.substr(dot + 1), std::move(value));
  }
};

/// Pickles a module as torch_utils.persistence does.
inline std::string nvidia_module(const Module& module) {
  using pickle::text;
  const auto entries = [](const auto& items, auto&& write) {
    std::string out = "}(";
    for (const auto& [name, item] : items) out += text(name) + write(item);
    return out + "u";
  };
  const auto state = text("_parameters") + entries(module.tensors, [](const std::string& value) { return value; }) +
                     text("_buffers") + "}" + text("_modules") + entries(module.modules, nvidia_module) +
                     text("conv_clamp") + "N";
  return pickle::call(
      pickle::global("torch_utils.persistence", "_reconstruct_persistent_obj"),
      pickle::tuple(pickle::dict(text("type"), text("class"), text("version"), pickle::integer(6), text("module_src"),
                                 text("#"), text("class_name"), text("Module"), text("state"), "}(" + state + "u")));
}

/// Pickles a module as TorchScript does.
inline std::string torchscript_module(const Module& module) {
  std::string attributes = pickle::text("training") + "\x89";
  for (const auto& [name, value] : module.tensors) attributes += pickle::text(name) + value;
  for (const auto& [name, part] : module.modules) attributes += pickle::text(name) + torchscript_module(part);
  return pickle::global("__torch__.multimodal", "Module") + ")\x81}(" + attributes + "ub";
}

/// Returns NVIDIA's name of a native tensor.
inline std::string to_nvidia(const std::string& name) {
  std::vector<std::string> part(1);
  for (const char c : name) {
    if (c == '.' && part.size() < 4)
      part.emplace_back();
    else
      part.back() += c;
  }
  if (name == "mean_style") return "mapping.w_avg";
  if (name == "const.weight") return "synthesis.b4.const";
  if (part[0] == "mapping") return "mapping.fc" + part[1] + "." + part[2];
  const auto block = "synthesis.b" + part[1] + ".";
  if (part[0] == "rgb") return block + "torgb." + name.substr(5 + part[1].size());
  const auto convolution = block + (part[1] == "4" ? "conv1." : "conv" + part[2] + ".");
  return convolution + (part[0] == "noise" ? "noise_const" : part[3]);
}

}  // namespace detail

/// Returns a checkpoint of rosinality/stylegan2-pytorch with the averaged generator, in the format of torch.save since
/// 2020 or, with `legacy`, before. `latent_avg` stands beside the generator.
inline std::string rosinality_checkpoint(std::vector<PlainTensor> tensors, bool legacy) {
  std::string generator = "}(", mean;
  std::vector<StreamStorage> storages;
  for (auto& tensor : tensors) {
    const auto key = std::to_string(storages.size());
    const auto value = detail::pickled(tensor, key);
    if (tensor.name == "latent_avg")
      mean = value;
    else
      generator += pickle::text(tensor.name) + value;
    const auto elements = detail::elements(tensor);
    storages.push_back({key, elements, std::move(tensor.data)});
  }
  const auto object = pickle::dict(pickle::text("g_ema"), generator + "u", pickle::text("latent_avg"), mean);
  return legacy ? torch_stream(object, storages) : torch_archive(object, storages);
}

/// Returns a pickle of stylegan2-ada-pytorch with the averaged generator, from tensors with rosinality's names.
inline std::string nvidia_pickle(const std::vector<PlainTensor>& tensors) {
  detail::Module root;
  for (const auto& tensor : tensors) {
    const auto place = from_rosinality(tensor.name);
    require(place && !place->native.empty(), "no tensor ", tensor.name, " is written");
    const auto shape = native_shape(*place, tensor.shape, tensor.name);
    const auto elements = detail::elements(tensor);
    const auto stream = torch_stream(pickle::storage(detail::storage_type(tensor.dtype), "0", elements),
                                     {{"0", elements, tensor.data}});
    root.put(detail::to_nvidia(place->native),
             pickle::tensor(pickle::call(pickle::global("torch.storage", "_load_from_bytes"),
                                         pickle::tuple(pickle::bytes(stream))),
                            0, shape, contiguous_strides(shape)));
  }
  return pickle::whole(pickle::dict(pickle::text("G_ema"), detail::nvidia_module(root)), 3);
}

/// Returns an archive of TorchScript with the modules that the dotted names tell.
inline std::string torchscript_archive(std::vector<PlainTensor> tensors) {
  detail::Module root;
  std::vector<ZipPart> parts;
  for (auto& tensor : tensors) {
    const auto key = std::to_string(parts.size());
    root.put(tensor.name, detail::pickled(tensor, key));
    parts.push_back({.name = "model/data/" + key, .content = std::move(tensor.data)});
  }
  parts.push_back({.name = "model/data.pkl", .content = pickle::whole(detail::torchscript_module(root))});
  parts.push_back({.name = "model/constants.pkl", .content = pickle::whole(")")});
  parts.push_back({.name = "model/version", .content = "3\n"});
  return zip_archive(parts);
}

}  // namespace nada::test
