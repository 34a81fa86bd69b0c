// Bodies of discriminator_names.hpp.
#pragma once
#include "nada/pretraining/discriminator_names.hpp"

#include <charconv>
#include <cstdint>
#include <map>
#include <system_error>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE std::optional<std::string> discriminator_from_nvidia(std::string_view name) {
  if (name.ends_with("resample_filter")) return "";
  const auto dot = name.rfind('.');
  if (dot == name.npos) return std::nullopt;
  const auto slot = name.substr(dot), layer = name.substr(0, dot);
  if (slot != ".weight" && slot != ".bias") return std::nullopt;
  if (layer == "mapping.embed") return join("embed", slot);
  if (layer.starts_with("mapping.fc")) return join("mapping.", layer.substr(10), slot);
  if (!layer.starts_with("b")) return std::nullopt;
  const auto second = layer.find('.');
  if (second == layer.npos) return std::nullopt;
  const auto r = layer.substr(1, second - 1), part = layer.substr(second + 1);
  if (part == "fromrgb") return join("rgb.", r, slot);
  if (part == "conv0" || part == "conv1") return join("conv.", r, ".", part.substr(4), slot);
  if (part == "skip") return join("skip.", r, slot);
  if (part == "conv" && r == "4") return join("conv.4.0", slot);
  if (part == "fc" && r == "4") return join("out.0", slot);
  if (part == "out" && r == "4") return join("out.1", slot);
  return std::nullopt;
}

NADA_INLINE std::optional<std::string> discriminator_from_rosinality(std::string_view name, int resolution) {
  const auto is = [&](std::string_view text) { return name == text; };
  if (name.ends_with(".kernel")) return "";
  if (is("convs.0.0.weight")) return join("rgb.", resolution, ".weight");
  if (is("convs.0.1.bias")) return join("rgb.", resolution, ".bias");
  if (is("final_conv.0.weight")) return "conv.4.0.weight";
  if (is("final_conv.1.bias")) return "conv.4.0.bias";
  if (name.starts_with("final_linear.")) return join("out.", name.substr(13));
  if (!name.starts_with("convs.")) return std::nullopt;
  int block = 0;
  const auto [end, error] = std::from_chars(name.data() + 6, name.data() + name.size(), block);
  if (error != std::errc{} || block < 1 || block > 16) return std::nullopt;
  const int r = resolution >> (block - 1);
  const std::string_view rest(end, name.data() + name.size());
  if (rest == ".conv1.0.weight") return join("conv.", r, ".0.weight");
  if (rest == ".conv1.1.bias") return join("conv.", r, ".0.bias");
  if (rest == ".conv2.1.weight") return join("conv.", r, ".1.weight");
  if (rest == ".conv2.2.bias") return join("conv.", r, ".1.bias");
  if (rest == ".skip.1.weight") return join("skip.", r, ".weight");
  return std::nullopt;
}

NADA_INLINE std::optional<std::string> native_discriminator_name(const ModelFile& file, std::string_view name) {
  if (file.find("final_linear.0.weight") == nullptr) return discriminator_from_nvidia(name);
  int resolution = 4;
  for (int block = 1; file.find(join("convs.", block, ".conv1.0.weight")) != nullptr; ++block) resolution *= 2;
  return discriminator_from_rosinality(name, resolution);
}

NADA_INLINE StyleGan2Discriminator load_discriminator(const ModelFile& file, Placement place) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::discriminator, what, " is ", name_of(file.kind()),
          ", expected a StyleGAN2 discriminator");
  const auto stored = to_tensors(file);
  require_finite(stored, what);
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, value] : stored) {
    const auto native = native_discriminator_name(file, name);
    require(native.has_value(), what, ": tensor ", name, " has no place in a StyleGAN2 discriminator");
    if (native->empty())
      require_known_filter(value, what, name);
    else
      tensors[*native] = value.to(place.device, place.type).contiguous();
  }
  DiscriminatorSettings settings;
  if (const auto group = file.number("b4.mbstd.group_size")) settings.group = static_cast<std::int64_t>(*group);
  settings.conv_clamp = file.number("b4.conv.conv_clamp");
  return StyleGan2Discriminator(std::move(tensors), what, settings);
}

}  // namespace nada
