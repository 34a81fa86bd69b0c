// Bodies of rosinality.hpp.
#pragma once
#include "nada/generators/rosinality.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE std::optional<RosinalityName> from_rosinality(std::string_view name) {
  const auto take = [&](std::string_view prefix) {
    if (name.substr(0, prefix.size()) != prefix) return false;
    name.remove_prefix(prefix.size());
    return true;
  };
  const auto number = [&](char after) -> int {  // a number and the character after it (0: the end); -1: no such number
    int value = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    const auto used = static_cast<std::size_t>(end - name.data());
    if (error != std::errc{} || value < 0 || value > 64) return -1;
    if (after ? (used >= name.size() || name[used] != after) : used != name.size()) return -1;
    name.remove_prefix(used + (after ? 1 : 0));
    return value;
  };
  const auto rest = [&](std::string layer) -> std::optional<RosinalityName> {
    const bool rgb = layer.starts_with("rgb");
    if (name == "conv.weight") return RosinalityName{layer + ".weight", true, false};
    if (name == "conv.modulation.weight") return RosinalityName{layer + ".affine.weight"};
    if (name == "conv.modulation.bias") return RosinalityName{layer + ".affine.bias"};
    if (!rgb && name == "noise.weight") return RosinalityName{layer + ".noise_strength", false, true};
    if (!rgb && name == "activate.bias") return RosinalityName{layer + ".bias"};
    if (rgb && name == "bias") return RosinalityName{layer + ".bias", false, true};
    if (name == "conv.blur.kernel" || name == "upsample.kernel") return RosinalityName{""};
    return std::nullopt;
  };
  if (name == "latent_avg") return RosinalityName{"mean_style"};
  if (name == "input.input") return RosinalityName{"const.weight", true, false};
  if (take("style.")) {
    const int k = number('.');
    if (k < 1 || (name != "weight" && name != "bias")) return std::nullopt;
    return RosinalityName{join("mapping.", k - 1, ".", name)};
  }
  if (take("conv1.")) return rest("conv.4.0");
  if (take("to_rgb1.")) return rest("rgb.4");
  if (take("convs.")) {
    const int k = number('.');
    return k < 0 ? std::nullopt : rest(join("conv.", std::int64_t{8} << (k / 2), ".", k % 2));
  }
  if (take("to_rgbs.")) {
    const int k = number('.');
    return k < 0 ? std::nullopt : rest(join("rgb.", std::int64_t{8} << k));
  }
  if (take("noises.noise_")) {
    const int k = number(0);
    if (k < 0) return std::nullopt;
    return k == 0 ? RosinalityName{"noise.4.0", false, true}
                  : RosinalityName{join("noise.", std::int64_t{8} << ((k - 1) / 2), ".", (k - 1) % 2), false, true};
  }
  return std::nullopt;
}

NADA_INLINE std::optional<std::string> to_rosinality(std::string_view name) {
  if (name == "mean_style") return "latent_avg";
  if (name == "const.weight") return "input.input";
  std::vector<std::string_view> part;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('.', at), name.size());
    part.push_back(name.substr(at, end - at));
    at = end + 1;
  }
  const auto number = [&](std::size_t i) {
    int value = -1;
    if (i < part.size()) std::from_chars(part[i].data(), part[i].data() + part[i].size(), value);
    return value;
  };
  const int r = number(1);
  if (part[0] == "mapping" && part.size() == 3) return join("style.", r + 1, ".", part[2]);
  if (r < 4) return std::nullopt;
  int block = 0;  // 8 -> 0, 16 -> 1
  while ((8 << block) < r) ++block;
  const auto index = [&] { return 2 * block + number(2); };
  if (part[0] == "noise" && part.size() == 3) return join("noises.noise_", r == 4 ? 0 : 1 + index());
  const bool rgb = part[0] == "rgb";
  if (!rgb && part[0] != "conv") return std::nullopt;
  const auto layer = rgb ? (r == 4 ? std::string("to_rgb1.") : join("to_rgbs.", block, "."))
                         : (r == 4 ? std::string("conv1.") : join("convs.", index(), "."));
  const auto slot = name.substr(part[0].size() + part[1].size() + (rgb ? 2 : part[2].size() + 3));
  if (slot == "weight") return layer + "conv.weight";
  if (slot == "affine.weight" || slot == "affine.bias") return layer + "conv.modulation." + std::string(slot.substr(7));
  if (slot == "noise_strength") return layer + "noise.weight";
  if (slot == "bias") return layer + (rgb ? "bias" : "activate.bias");
  return std::nullopt;
}

NADA_INLINE std::vector<std::int64_t> native_shape(const RosinalityName& name, std::vector<std::int64_t> shape,
                                                   std::string_view what) {
  if (name.drop_leading) {
    require(!shape.empty() && shape.front() == 1, what, ": expected a first dimension of 1");
    shape.erase(shape.begin());
  }
  if (name.flatten) std::erase(shape, 1);
  return shape;
}

}  // namespace nada
