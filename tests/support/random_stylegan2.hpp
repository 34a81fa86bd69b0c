/// StyleGAN2 generators with small random weights.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/tiny.hpp"

namespace nada::test {

struct SmallStyleGan2 {
  std::vector<std::int64_t> widths = {5, 4, 3};  // channels at 4, 8, 16 ... pixels, one number for each resolution
  std::int64_t latent = 6, style = 5, depth = 2;
  bool noise_maps = true;
  std::uint64_t seed = 0;
  torch::ScalarType type = torch::kFloat64;
};

/// Returns tensors with native names. All tensors matter: biases and noise strengths are not zero.
inline NamedTensors random_stylegan2(const SmallStyleGan2& size = {}) {
  NamedTensors out;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, double deviation, double mean = 0) {
    const auto seed = 1000 * size.seed + out.size();
    const auto numbers = shape.empty() ? random({1}, seed)[0] : random(shape, seed);
    out[name] = (mean + deviation * numbers).to(size.type);
  };
  for (std::int64_t k = 0; k < size.depth; ++k) {
    add(join("mapping.", k, ".weight"), {size.style, k == 0 ? size.latent : size.style}, 100);  // rate multiplier 0.01
    add(join("mapping.", k, ".bias"), {size.style}, 20);
  }
  add("mean_style", {size.style}, 0.3);
  add("const.weight", {size.widths[0], 4, 4}, 1);
  auto channels = size.widths[0];
  std::int64_t r = 4;
  for (const auto width : size.widths) {
    for (int k = 0; k < (r == 4 ? 1 : 2); ++k) {
      const auto name = join("conv.", r, ".", k);
      add(name + ".weight", {width, channels, 3, 3}, 1);
      add(name + ".bias", {width}, 0.3);
      add(name + ".noise_strength", {}, 0.1, 0.3);
      add(name + ".affine.weight", {channels, size.style}, 0.5);
      add(name + ".affine.bias", {channels}, 0.2, 1);
      if (size.noise_maps) add(join("noise.", r, ".", k), {r, r}, 1);
      channels = width;
    }
    const auto name = join("rgb.", r);
    add(name + ".weight", {3, channels, 1, 1}, 0.3);
    add(name + ".bias", {3}, 0.2);
    add(name + ".affine.weight", {channels, size.style}, 0.5);
    add(name + ".affine.bias", {channels}, 0.2, 1);
    r *= 2;
  }
  return out;
}

inline StyleGan2 small_stylegan2(const SmallStyleGan2& size = {}) { return StyleGan2(random_stylegan2(size)); }

/// Returns w+ [n, L, D] with different styles in each layer.
inline Tensor random_styles(const StyleGan2& generator, std::int64_t n, std::uint64_t seed = 77) {
  return random({n, generator.style_count(), generator.style_size()}, seed).to(generator.options());
}

}  // namespace nada::test
