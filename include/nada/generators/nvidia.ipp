// Bodies of nvidia.hpp.
#pragma once
#include "nada/generators/nvidia.hpp"

#include <charconv>
#include <cstddef>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE std::optional<std::string> from_nvidia(std::string_view name) {
  const auto take = [&](std::string_view prefix) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    return true;
  };
  const auto number = [&]() -> int {  // a number and the full stop after the number; -1: no such number
    int value = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    const auto used = static_cast<std::size_t>(end - name.data());
    if (error != std::errc{} || value < 0 || value > 65536 || used >= name.size() || name[used] != '.') return -1;
    name.remove_prefix(used + 1);
    return value;
  };
  const auto is_dense = [&] { return name == "weight" || name == "bias"; };
  const auto is_affine = [&] { return name == "affine.weight" || name == "affine.bias"; };

  if (name == "mapping.w_avg") return "mean_style";
  if (name == "synthesis.b4.const") return "const.weight";
  if (take("mapping.embed.")) return is_dense() ? std::optional(join("embed.", name)) : std::nullopt;
  if (take("mapping.fc")) {
    const int k = number();
    return k >= 0 && is_dense() ? std::optional(join("mapping.", k, ".", name)) : std::nullopt;
  }
  if (!take("synthesis.b")) return std::nullopt;
  const int r = number();
  if (r < 4) return std::nullopt;
  if (name == "resample_filter") return "";
  if (name == "skip.weight") return join("conv.", r, ".0.skip.weight");
  if (take("torgb.")) {
    if (is_dense() || is_affine()) return join("rgb.", r, ".", name);
    return std::nullopt;
  }
  if (name == "skip.resample_filter") return "";
  const int k = take("conv0.") ? 0 : take("conv1.") ? 1 : -1;
  if (k < 0) return std::nullopt;
  if (name == "resample_filter") return "";
  const int place = r == 4 ? 0 : k;  // the smallest block has only the second convolution
  if (name == "noise_const") return join("noise.", r, ".", place);
  if (is_dense() || is_affine() || name == "noise_strength") return join("conv.", r, ".", place, ".", name);
  return std::nullopt;
}

NADA_INLINE std::string to_nvidia(const std::string& name) {
  const auto from = [&](std::size_t at) { return name.substr(at); };
  if (name == "mean_style") return "mapping.w_avg";
  if (name == "const.weight") return "synthesis.b4.const";
  if (name.starts_with("embed.")) return "mapping." + name;
  if (name.starts_with("mapping.")) return "mapping.fc" + from(8);
  const auto dot = name.find('.'), next = name.find('.', dot + 1);
  if (next == name.npos) return name;
  const auto block = "synthesis.b" + name.substr(dot + 1, next - dot - 1) + ".";
  if (name.starts_with("rgb.")) return block + "torgb." + from(next + 1);
  const bool noise = name.starts_with("noise.");
  if (!noise && !name.starts_with("conv.")) return name;
  if (from(next + 1) == "0.skip.weight") return block + "skip.weight";
  const auto place = name.substr(next + 1, 1), slot = noise ? std::string(".noise_const") : from(next + 2);
  return block + "conv" + (block == "synthesis.b4." ? "1" : place) + slot;
}

}  // namespace nada
