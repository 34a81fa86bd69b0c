// Bodies of load.hpp.
#pragma once
#include "nada/generators/load.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/number_text.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/warning.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/rosinality.hpp"

namespace nada {

NADA_INLINE void require_known_filter(const Tensor& value, const std::string& what, const std::string& name) {
  const auto axis = torch::tensor({1.0, 3.0, 3.0, 1.0}, torch::kFloat64);
  const auto kernel = value.to(torch::kFloat64);
  require(kernel.dim() == 2 && at::allclose(kernel / kernel.sum(), at::outer(axis, axis) / 64), what, ": tensor ", name,
          " is not the FIR filter [1, 3, 3, 1], the only one that is known here");
}

/// Returns the mean of w as [W], of [W], [1, W] or equal rows [L, W]: projects keep it in each of these forms.
NADA_INLINE Tensor one_mean(const Tensor& value, const std::string& what, const std::string& name) {
  if (value.dim() != 2 || value.size(0) < 1) return value;
  require(value.eq(value.slice(0, 0, 1)).all().item<bool>(), what, ": tensor ", name, " has shape ",
          shape_text(value.sizes()), " with rows that differ, expected one mean of w for all layers");
  return value[0].contiguous();
}

/// Refuses a generator whose mapping network takes twice the numbers that it gives, or more: with rosinality's names it
/// takes as many, and a class-conditional one that was converted has lost its embedding.
NADA_INLINE void refuse_lost_classes(const NamedTensors& tensors, const std::string& what) {
  const auto found = tensors.find("mapping.0.weight");
  if (found == tensors.end() || found->second.dim() != 2 || found->second.size(1) < 2 * found->second.size(0)) return;
  const auto& shape = found->second;
  fail(what, ": tensor style.1.weight has shape ", shape_text(shape.sizes()), ", expected [", shape.size(0), ", ",
       shape.size(0),
       "]: this was a class-conditional generator, and the embedding of its classes is not in the file; "
       "read the .pkl that it was made from");
}

NADA_INLINE NamedTensors from_rosinality(const TensorMap& tensors, const std::string& what) {
  NamedTensors out;
  for (const auto& [name, value] : tensors) {
    const auto place = from_rosinality(name);
    require(place.has_value(), what, ": tensor ", name,
            " has no place in a StyleGAN2 generator with rosinality's names");
    if (place->native.empty())
      require_known_filter(value, what, name);
    else if (place->native == "mean_style")
      out[place->native] = one_mean(value, what, name);
    else
      out[place->native] = value.view(native_shape(*place, value.sizes().vec(), join(what, ": tensor ", name)));
  }
  refuse_lost_classes(out, what);
  const auto is_map = [](const auto& entry) { return entry.first.starts_with("noise."); };
  if (std::none_of(out.begin(), out.end(), [&](const auto& entry) {
        return is_map(entry) && entry.second.count_nonzero().template item<std::int64_t>() > 0;
      }))
    std::erase_if(out, is_map);
  return out;
}

NADA_INLINE NamedTensors from_nvidia(const TensorMap& tensors, const std::string& what) {
  NamedTensors out;
  for (const auto& [name, value] : tensors) {
    const auto native = from_nvidia(name);
    require(native.has_value(), what, ": tensor ", name, " has no place in a StyleGAN2 generator with NVIDIA's names");
    if (native->empty())
      require_known_filter(value, what, name);
    else
      out[*native] = *native == "mean_style" ? one_mean(value, what, name) : value;
  }
  for (const auto& [name, value] : NamedTensors(out))
    if (name.starts_with("conv.") && name.ends_with(".affine.bias"))
      out.emplace(name.substr(0, name.size() - 11) + "noise_strength", torch::zeros({}, value.options()));
  return out;
}

NADA_INLINE std::optional<double> positive_number(const ModelFile& file, const std::string& key,
                                                  std::optional<double> otherwise) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return otherwise;
  const auto& text = found->second;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc{} && end == text.data() + text.size() && value > 0, file.path(), ": ", key, " is '", text,
          "', expected a number > 0");
  return value;
}

NADA_INLINE StyleGan2Settings stylegan2_settings(const ModelFile& file) {
  if (file.kind() != FileKind::nvidia_generator)
    return {*positive_number(file, "nada.mapping_lr", 0.01), positive_number(file, "nada.conv_clamp")};
  const auto activation = file.text("mapping.fc0.activation").value_or("lrelu");
  require(activation == "lrelu", file.path(), ": the activation is '", activation, "', expected lrelu");
  if (!file.has_attribute("synthesis.b4.conv1.conv_clamp"))
    warn(
        file.path(),
        ": names alone do not say whether activations are clamped (NVIDIA's models of 256 pixels and more "
        "that were trained in half precision are, at 256): no clamp was taken; `convert --clamp 256` makes a file that "
        "says otherwise");
  return {file.number("mapping.fc0.bias_gain").value_or(0.01), file.number("synthesis.b4.conv1.conv_clamp")};
}

NADA_INLINE Tensor estimated_mean_style(const NamedTensors& tensors, double lr) {
  const torch::NoGradGuard no_grad;
  Tensor x;
  for (int k = 0;; ++k) {
    const auto weight = tensors.find(join("mapping.", k, ".weight")), bias = tensors.find(join("mapping.", k, ".bias"));
    if (weight == tensors.end() || bias == tensors.end()) break;
    const auto w = weight->second.to(torch::kFloat64), b = bias->second.to(torch::kFloat64);
    if (w.dim() != 2 || b.dim() != 1 || b.size(0) != w.size(0)) return {};
    if (k == 0)
      x = stylegan2::normalize_latents(Stream{}.normal(Purpose::evaluation, {4096, w.size(1)}).to(torch::kFloat64));
    if (x.size(1) != w.size(1)) return {};
    x = stylegan2::activate(stylegan2::dense(x, w, b, lr));
  }
  return x.defined() ? x.mean(0).to(torch::kFloat32) : x;
}

NADA_INLINE std::pair<NamedTensors, StyleGan2Settings> read_stylegan2(const ModelFile& file) {
  const auto what = file.path().string();
  require(is_stylegan2(file.kind()), what, " is ", name_of(file.kind()), ", expected a StyleGAN2 generator");
  const auto settings = stylegan2_settings(file);
  for (const auto& [name, maker] : file.unreadable())
    require(!from_rosinality(name) && !from_nvidia(name), what, ": tensor ", name, " is made by ", maker,
            ", which is not read");
  auto tensors = to_tensors(file);
  require_finite(tensors, what);
  if (file.kind() == FileKind::rosinality_generator) tensors = from_rosinality(tensors, what);
  if (file.kind() == FileKind::nvidia_generator) tensors = from_nvidia(tensors, what);
  if (file.kind() != FileKind::generator && !tensors.count("mean_style"))
    if (auto mean = estimated_mean_style(tensors, settings.mapping_lr); mean.defined())
      tensors["mean_style"] = std::move(mean);
  const auto shown = name_in_file(file.kind());
  for (const auto& [name, value] : tensors)
    require(value.is_floating_point(), what, ": tensor ", shown ? shown(name) : name,
            " does not hold floating-point numbers");
  return {std::move(tensors), settings};
}

NADA_INLINE NameInFile name_in_file(FileKind kind) {
  if (kind == FileKind::nvidia_generator) return to_nvidia;
  if (kind != FileKind::rosinality_generator) return {};
  return [](const std::string& name) { return to_rosinality(name).value_or(name); };
}

NADA_INLINE StyleGan2 load_stylegan2(const ModelFile& file, Placement place) {
  auto [tensors, settings] = read_stylegan2(file);
  for (auto& [name, value] : tensors) value = value.to(place.device, place.type);
  return StyleGan2(std::move(tensors), file.path().string(), settings, name_in_file(file.kind()));
}

NADA_INLINE Metadata generator_metadata(const StyleGan2& generator, Metadata more) {
  more["nada.kind"] = "generator";
  more["nada.format"] = format_version;
  more["nada.architecture"] = "stylegan2";
  more["nada.resolution"] = std::to_string(generator.resolution());
  more["nada.mapping_lr"] = number_text(generator.settings().mapping_lr);
  if (const auto clamp = generator.settings().conv_clamp) more["nada.conv_clamp"] = number_text(*clamp);
  if (generator.label_size() > 0) more["nada.classes"] = std::to_string(generator.label_size());
  return more;
}

/// Returns the tensors with each pattern in the stored noise map of its convolution, which has the strength 1 then.
NADA_INLINE NamedTensors with_patterns_as_noise(const NamedTensors& tensors) {
  auto out = tensors;
  for (const auto& [name, pattern] : tensors) {
    if (!name.ends_with(".pattern")) continue;
    const auto layer = name.substr(0, name.size() - 8);
    const auto map = "noise" + layer.substr(4), strength = layer + ".noise_strength";
    out.erase(name);
    auto sum = pattern * stylegan2::pattern_gain;
    if (tensors.contains(map)) sum = sum + tensors.at(map) * tensors.at(strength);
    out[map] = sum;
    out[strength] = torch::ones_like(tensors.at(strength));
  }
  return out;
}

NADA_INLINE TensorMap to_rosinality(const NamedTensors& tensors, const StyleGan2& generator, const std::string& what) {
  require(generator.label_size() == 0 && !generator.is_residual() && !generator.settings().conv_clamp &&
              generator.settings().mapping_lr == 0.01,
          what,
          ": classes, residual blocks, clamped activations and another learning rate of the mapping network have no "
          "place among rosinality's names");
  TensorMap out;
  const auto axis = torch::tensor({1.0F, 3.0F, 3.0F, 1.0F});
  for (const auto& [name, value] : with_patterns_as_noise(tensors)) {
    const auto place = to_rosinality(name);
    require(place.has_value(), what, ": tensor ", name, " has no place among rosinality's names");
    auto shape = value.sizes().vec();
    if (name.ends_with(".weight") && value.dim() == 4) shape.insert(shape.begin(), 1);
    if (name == "const.weight") shape.insert(shape.begin(), 1);
    if (name.starts_with("rgb.") && value.dim() == 1 && !name.ends_with("affine.bias"))
      shape = {1, value.size(0), 1, 1};
    if (name.ends_with(".noise_strength")) shape = {1};
    if (name.starts_with("noise.")) shape.insert(shape.begin(), {1, 1});
    out[*place] = value.reshape(shape);
    if (place->starts_with("to_rgbs.") && place->ends_with(".conv.weight"))
      out[place->substr(0, place->size() - 11) + "upsample.kernel"] = at::outer(axis, axis) / 16;
    if (name.starts_with("conv.") && name.ends_with(".0.weight") && name != "conv.4.0.weight")
      out[place->substr(0, place->size() - 11) + "conv.blur.kernel"] = at::outer(axis, axis) / 16;
  }
  int k = 0;
  for (const auto& layer : generator.layers())
    if (layer.kind == LayerKind::convolution)
      out.emplace(join("noises.noise_", k++), torch::zeros({1, 1, layer.resolution, layer.resolution}));
  return out;
}

}  // namespace nada
