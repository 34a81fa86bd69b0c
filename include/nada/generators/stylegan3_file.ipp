// Bodies of stylegan3_file.hpp.
#pragma once
#include "nada/generators/stylegan3_file.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE std::string stylegan3_native_name(const std::string& name) {
  if (name == "mapping.w_avg") return "mean_style";
  if (name.starts_with("synthesis.")) return name.substr(10);
  if (name.starts_with("mapping.embed.")) return name.substr(8);
  if (name.starts_with("mapping.fc")) return "mapping." + name.substr(10);
  return name;
}

namespace detail {

/// Numbers of a StyleGAN3 file by their official names.
class StyleGan3Numbers {
 public:
  explicit StyleGan3Numbers(const ModelFile& file) : file_(file) {
    const auto init = file.metadata().find("init");
    if (init == file.metadata().end()) return;
    json_ = nlohmann::json::parse(init->second, nullptr, false);
    require(json_.is_object(), file.path(), ": its metadata 'init' is not a JSON object");
  }

  /// Returns a number, or nothing where the file tells none. Absent and None are not told apart.
  std::optional<double> find(const std::string& name) const {
    if (json_.contains(name) && json_[name].is_number()) return json_[name].get<double>();
    for (const auto* place :
         {"synthesis.", "synthesis._init_kwargs.", "_init_kwargs.synthesis_kwargs.", "_init_kwargs."})
      if (const auto value = file_.number(place + name)) return value;
    return {};
  }
  double real(const std::string& name, double otherwise) const { return checked(name, find(name).value_or(otherwise)); }
  int whole(const std::string& name, int otherwise) const {
    const double value = find(name).value_or(otherwise);
    require(value == std::floor(value) && std::abs(value) < 1e6, file_.path(), ": ", name, " is ", value,
            ", expected a whole number");
    return static_cast<int>(value);
  }
  /// What the layers clamp to: pickles tell it for each layer.
  std::optional<double> clamp(const std::string& first_layer) const {
    if (json_.is_object()) return json_.contains("conv_clamp") ? find("conv_clamp") : std::optional(256.0);
    if (const auto own = file_.number("synthesis." + first_layer + ".conv_clamp")) return checked("conv_clamp", *own);
    if (file_.container() == "raw pickle") return {};
    return 256;
  }

 private:
  double checked(const std::string& name, double value) const {
    require(std::isfinite(value) && value > 0, file_.path(), ": ", name, " is ", value, ", expected a number > 0");
    return value;
  }
  const ModelFile& file_;
  nlohmann::json json_;
};

/// Returns the size that the name of the file's last layer tells; 0 where there is no such layer.
inline int last_size(const ModelFile& file) {
  int last = -1, size = 0;
  for (const auto& view : file.tensors()) {
    std::string_view name = view.name;
    if (name.starts_with("synthesis.L"))
      name.remove_prefix(11);
    else if (name.starts_with("L"))
      name.remove_prefix(1);
    else
      continue;
    int index = 0, pixels = 0;
    const auto* const end = name.data() + name.size();
    const auto [middle, error] = std::from_chars(name.data(), end, index);
    if (error != std::errc{} || middle == end || *middle != '_' || index <= last) continue;
    if (std::from_chars(middle + 1, end, pixels).ec == std::errc{}) last = index, size = pixels;
  }
  return size;
}

}  // namespace detail

NADA_INLINE StyleGan3Settings stylegan3_settings(const ModelFile& file) {
  StyleGan3Settings out;
  if (file.kind() == FileKind::native_stylegan3) {
    const auto real = [&](const char* key, double otherwise) { return *positive_number(file, key, otherwise); };
    const auto whole = [&](const char* key, int otherwise) {
      const double value = real(key, otherwise);
      require(value == std::floor(value) && value < 1e6, file.path(), ": ", key, " is ", value,
              ", expected a whole number");
      return static_cast<int>(value);
    };
    out.resolution = whole("nada.resolution", detail::last_size(file));
    out.critical =
        value_or(file.metadata(), "nada.critical_layers") == "0" ? 0 : whole("nada.critical_layers", out.critical);
    out.margin = value_or(file.metadata(), "nada.margin") == "0" ? 0 : whole("nada.margin", out.margin);
    out.filter_size = whole("nada.filter_size", out.filter_size);
    out.upsampling = whole("nada.activation_upsampling", out.upsampling);
    out.first_cutoff = real("nada.first_cutoff", out.first_cutoff);
    out.first_stopband = real("nada.first_stopband", out.first_stopband);
    out.last_stopband = real("nada.last_stopband", out.last_stopband);
    out.output_scale = real("nada.output_scale", out.output_scale);
    out.mapping_lr = real("nada.mapping_lr", out.mapping_lr);
    out.conv_clamp = positive_number(file, "nada.conv_clamp");
    return out;
  }
  const detail::StyleGan3Numbers numbers(file);
  out.resolution = numbers.whole("img_resolution", detail::last_size(file));
  out.critical = numbers.whole("num_critical", out.critical);
  out.margin = numbers.whole("margin_size", out.margin);
  out.filter_size = numbers.whole("filter_size", out.filter_size);
  out.upsampling = numbers.whole("lrelu_upsampling", out.upsampling);
  out.first_cutoff = numbers.real("first_cutoff", out.first_cutoff);
  out.first_stopband = numbers.real("first_stopband", out.first_stopband);
  out.last_stopband = numbers.real("last_stopband_rel", out.last_stopband);
  out.output_scale = numbers.real("output_scale", out.output_scale);
  out.mapping_lr = file.number("mapping.fc0.bias_gain").value_or(out.mapping_lr);
  std::string first;
  for (const auto& view : file.tensors())
    if (view.name.starts_with("synthesis.L0_")) first = view.name.substr(10, view.name.find('.', 10) - 10);
  out.conv_clamp = numbers.clamp(first);
  return out;
}

NADA_INLINE std::pair<TensorMap, StyleGan3Settings> read_stylegan3(const ModelFile& file) {
  const auto what = file.path().string();
  require(is_stylegan3(file.kind()), what, " is ", name_of(file.kind()), ", expected a StyleGAN3 generator");
  auto tensors = to_tensors(file);
  require_finite(tensors, what);
  if (file.kind() == FileKind::stylegan3_generator) {
    TensorMap native;
    for (auto& [name, value] : tensors)
      require(native.emplace(stylegan3_native_name(name), value).second, what, ": tensor ", name, " is there twice");
    tensors = std::move(native);
  }
  for (const auto& [name, value] : tensors)
    require(value.is_floating_point(), what, ": tensor ", name, " does not hold floating-point numbers");
  return {std::move(tensors), stylegan3_settings(file)};
}

NADA_INLINE StyleGan3 load_stylegan3(const ModelFile& file, Placement place) {
  auto [tensors, settings] = read_stylegan3(file);
  for (auto& [name, value] : tensors) value = value.to(place.device, place.type);
  return StyleGan3(std::move(tensors), file.path().string(), settings);
}

NADA_INLINE Metadata generator_metadata(const StyleGan3& generator, Metadata more) {
  const auto& settings = generator.settings();
  const auto exact = [](double number) {  // the shortest text that reads back as this number
    char text[32];
    return std::string(text, std::to_chars(text, text + sizeof text, number).ptr);
  };
  more["nada.kind"] = "generator";
  more["nada.format"] = format_version;
  more["nada.architecture"] = "stylegan3";
  more["nada.resolution"] = std::to_string(settings.resolution);
  more["nada.critical_layers"] = std::to_string(settings.critical);
  more["nada.margin"] = std::to_string(settings.margin);
  more["nada.filter_size"] = std::to_string(settings.filter_size);
  more["nada.activation_upsampling"] = std::to_string(settings.upsampling);
  more["nada.first_cutoff"] = exact(settings.first_cutoff);
  more["nada.first_stopband"] = exact(settings.first_stopband);
  more["nada.last_stopband"] = exact(settings.last_stopband);
  more["nada.output_scale"] = exact(settings.output_scale);
  more["nada.mapping_lr"] = exact(settings.mapping_lr);
  if (settings.conv_clamp) more["nada.conv_clamp"] = exact(*settings.conv_clamp);
  if (generator.label_size() > 0) more["nada.classes"] = std::to_string(generator.label_size());
  return more;
}

}  // namespace nada
