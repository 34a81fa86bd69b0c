// Bodies of generator_training.hpp.
#pragma once
#include "nada/pretraining/generator_training.hpp"

#include <cstdlib>

#include "nada/core/config.hpp"

namespace nada {

namespace detail {

/// Adds the new convolutions of `width` channels at r pixels, and their way to RGB, behind `channels` channels.
NADA_INLINE void add_block(NamedTensors& out, std::int64_t r, std::int64_t channels, std::int64_t width,
                           std::int64_t styles, const Stream& stream) {
  const auto layer = [&](const std::string& name, std::int64_t o, std::int64_t kernel) {
    require(o > 0, "a layer needs channels, found ", o);
    const auto normal = [&](std::vector<std::int64_t> size) {
      return stream.normal(Purpose::leaves, size, 0, out.size());
    };
    out[name + ".weight"] = normal({o, channels, kernel, kernel});
    out[name + ".bias"] = torch::zeros({o});
    out[name + ".affine.weight"] = normal({channels, styles});
    out[name + ".affine.bias"] = torch::ones({channels});
  };
  for (int k = 0; k < (r == 4 ? 1 : 2); ++k) {
    const auto name = join("conv.", r, ".", k);
    layer(name, width, 3);
    out[name + ".noise_strength"] = torch::zeros({});
    channels = width;
  }
  layer(join("rgb.", r), 3, 1);
}

}  // namespace detail

NADA_INLINE NamedTensors initial_generator(const GeneratorShape& shape, const Stream& stream) {
  require(!shape.channels.empty() && shape.latents > 0 && shape.styles > 0 && shape.mapping_layers > 0,
          "a generator needs channels at 4 pixels at least, latents, styles and a mapping layer");
  NamedTensors out;
  const auto normal = [&](std::vector<std::int64_t> size) {
    return stream.normal(Purpose::leaves, size, 0, out.size());
  };
  const auto zeros = [](std::int64_t n) { return torch::zeros({n}); };
  for (std::int64_t k = 0; k < shape.mapping_layers; ++k) {
    const auto name = join("mapping.", k);
    out[name + ".weight"] = normal({shape.styles, k == 0 ? shape.latents : shape.styles}) * 100;
    out[name + ".bias"] = zeros(shape.styles);
  }
  out["mean_style"] = zeros(shape.styles);
  auto channels = shape.channels[0];
  out["const.weight"] = normal({channels, 4, 4});
  std::int64_t r = 4;
  for (const auto width : shape.channels) {
    detail::add_block(out, r, channels, width, shape.styles, stream);
    channels = width;
    r *= 2;
  }
  return out;
}

NADA_INLINE std::set<std::string> coarse_tensors(const StyleGan2& generator, std::int64_t side) {
  require(side >= 4 && side <= generator.resolution() && (side & (side - 1)) == 0,
          "blocks to hold: expected 0 or a block of the generator, 4 to ", generator.resolution(), ", found ", side);
  std::set<std::string> out;
  for (const auto& [name, tensor] : generator.tensors()) {
    const bool block = name.starts_with("conv.") || name.starts_with("rgb.");
    if (!block || std::strtoll(name.c_str() + name.find('.') + 1, nullptr, 10) <= side) out.insert(name);
  }
  return out;
}

NADA_INLINE NamedTensors grown_generator(const StyleGan2& start, const std::vector<std::int64_t>& channels,
                                         const Stream& stream) {
  auto out = start.clone().tensors();
  std::int64_t r = start.resolution();
  const auto last = out.find(join("rgb.", r, ".weight"));
  require(last != out.end() && out.contains("rgb.4.weight"),
          "only a generator of the skip form grows: one with an RGB layer in every block");
  auto below = last->second.size(1);
  for (const auto width : channels) {
    r *= 2;
    detail::add_block(out, r, below, width, start.style_size(), stream);
    out[join("rgb.", r, ".weight")].zero_();
    below = width;
  }
  return out;
}

NADA_INLINE std::map<std::string, Tensor> initial_discriminator(const DiscriminatorShape& shape, const Stream& stream) {
  require(shape.stem >= 1 && shape.resolution % shape.stem == 0, "a stem of ", shape.stem, " pixels does not divide ",
          shape.resolution);
  auto r = shape.resolution / shape.stem;
  std::size_t levels = 1;
  for (auto size = r; size > 4; size /= 2) ++levels;
  require((std::int64_t{4} << (levels - 1)) == r && shape.channels.size() == levels, "a discriminator of ",
          shape.resolution, " pixels with a stem of ", shape.stem, " needs ", levels, " numbers of channels, from ", r,
          " pixels down to 4, found ", shape.channels.size());
  std::map<std::string, Tensor> out;
  const auto layer = [&](const std::string& name, std::vector<std::int64_t> size, bool bias = true) {
    require(size[0] > 0, "a layer needs channels, found ", size[0]);
    out[name + ".weight"] = stream.normal(Purpose::leaves, size, 0, 1000 + out.size());
    if (bias) out[name + ".bias"] = torch::zeros({size[0]});
  };
  auto c = shape.channels[0];
  layer(join("rgb.", r), {c, 3 * shape.stem * shape.stem, 1, 1});
  for (std::size_t k = 1; k < levels; ++k, r /= 2) {
    layer(join("conv.", r, ".0"), {c, c, 3, 3});
    layer(join("conv.", r, ".1"), {shape.channels[k], c, 3, 3});
    layer(join("skip.", r), {shape.channels[k], c, 1, 1}, false);
    c = shape.channels[k];
  }
  layer("conv.4.0", {c, c + 1, 3, 3});
  layer("out.0", {c, 16 * c});
  layer("out.1", {1, c});
  return out;
}

}  // namespace nada
