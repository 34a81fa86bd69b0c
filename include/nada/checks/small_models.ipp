// Bodies of small_models.hpp.
#pragma once
#include "nada/checks/small_models.hpp"

#include <algorithm>
#include <exception>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::checks {

NADA_INLINE NamedTensors random_stylegan2(const SmallStyleGan2& size) {
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

NADA_INLINE StyleGan2 small_generator() { return StyleGan2(random_stylegan2({.widths = {4, 4, 4, 3, 3}})); }

NADA_INLINE Features SmallEncoder::see(const Tensor& images, Wanted wanted) const {
  const auto pixels = at::adaptive_avg_pool2d(images.to(torch::kFloat64), {8, 8});
  const auto raw = pixels.flatten(1).matmul(weight.t()).tanh() + 0.1;
  return {unit(raw), raw, wanted.tokens ? pixels.flatten(2).transpose(1, 2) + token_shift : Tensor{}};
}

NADA_INLINE Tensor SmallEncoder::tokenize(std::span<const std::string> texts) const {
  std::size_t longest = 0;
  for (const auto& text : texts) {
    require(!text.empty(), "an empty text cannot be encoded");
    longest = std::max(longest, text.size());
  }
  auto ids = torch::full({static_cast<std::int64_t>(texts.size()), static_cast<std::int64_t>(longest)}, -1,
                         torch::kInt64);  // -1: no byte
  for (std::size_t t = 0; t < texts.size(); ++t)
    for (std::size_t i = 0; i < texts[t].size(); ++i)
      ids[static_cast<std::int64_t>(t)][static_cast<std::int64_t>(i)] = static_cast<unsigned char>(texts[t][i]);
  return ids;
}

NADA_INLINE Tensor SmallEncoder::read(const Tensor& ids) const {
  const auto is_byte = (ids >= 0).unsqueeze(2).to(torch::kFloat64);
  return unit((at::embedding(bytes, ids.clamp_min(0)) * is_byte).sum(1));
}

NADA_INLINE torch::ScalarType image_type(const std::function<Features(const Tensor& images)>& see) {
  const torch::NoGradGuard no_grad;
  try {
    const auto raw = see(random_images(2, 64, 0)).raw;
    if (raw.scalar_type() == torch::kFloat64 && !same_bits(raw, raw.to(torch::kFloat32).to(torch::kFloat64)))
      return torch::kFloat64;
  } catch (const std::exception&) {  // float64 is not taken
  }
  return torch::kFloat32;
}

}  // namespace nada::checks
