// Bodies of stylegan3_geometry.hpp.
#pragma once
#include "nada/generators/stylegan3_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/generators/stylegan3_ops.hpp"

namespace nada {

NADA_INLINE Tensor StyleGan3Layer::up_filter() const {
  return up_taps > 1 ? stylegan3::lowpass(up_taps, in_cutoff, 2 * in_half_width, middle_rate) : Tensor{};
}

NADA_INLINE Tensor StyleGan3Layer::down_filter() const {
  return down_taps > 1 ? stylegan3::lowpass(down_taps, out_cutoff, 2 * out_half_width, middle_rate, radial) : Tensor{};
}

/// Sets what follows from the sampling rates, sizes and the kernel: factors, taps and padding.
NADA_INLINE void finish_layer(StyleGan3Layer& layer, const StyleGan3Settings& settings) {
  layer.middle_rate = std::max(layer.in_rate, layer.out_rate) * (layer.to_rgb ? 1 : settings.upsampling);
  layer.up = static_cast<int>(std::lround(layer.middle_rate / layer.in_rate));
  layer.down = static_cast<int>(std::lround(layer.middle_rate / layer.out_rate));
  const auto taps = [&](int factor) -> std::int64_t {
    return factor > 1 && !layer.to_rgb ? std::int64_t{settings.filter_size} * factor : 1;
  };
  layer.up_taps = taps(layer.up);
  layer.down_taps = taps(layer.down);
  const auto total = (layer.out_size - 1) * layer.down + 1 - (layer.in_size + layer.kernel - 1) * layer.up +
                     layer.up_taps + layer.down_taps - 2;
  const auto before = stylegan3::floor_div(total + layer.up, 2), after = total - before;
  layer.padding = {before, after, before, after};
}

NADA_INLINE std::vector<StyleGan3Layer> stylegan3_layers(const StyleGan3Settings& settings, int count,
                                                         std::int64_t kernel, bool radial) {
  const int size = settings.resolution;
  require(size >= 16 && size <= 8192 && (size & (size - 1)) == 0, "a StyleGAN3 generator of ", size,
          " pixels, expected a power of two from 16 to 8192");
  require(settings.critical >= 0 && count > settings.critical && count <= 100, "a StyleGAN3 generator of ", count,
          " layers, ", settings.critical, " of them critical: expected more layers, and at most 100");
  require(settings.margin >= 0 && settings.margin <= size && settings.filter_size > 0 && settings.filter_size <= 64 &&
              settings.upsampling > 0 && settings.upsampling <= 16 && settings.first_cutoff > 0 &&
              settings.first_stopband > settings.first_cutoff && settings.last_stopband > 1,
          "impossible margins, filters or frequencies of a StyleGAN3 generator");
  const double last_cutoff = size / 2.0, last_stopband = last_cutoff * settings.last_stopband;
  std::vector<StyleGan3Layer> out;
  for (int i = 0; i <= count; ++i) {
    const double exponent = std::min(static_cast<double>(i) / (count - settings.critical), 1.0);
    StyleGan3Layer layer;
    layer.to_rgb = i == count;
    layer.critical = i >= count - settings.critical;
    layer.radial = radial && !layer.critical;
    layer.kernel = layer.to_rgb ? 1 : kernel;
    layer.out_cutoff = settings.first_cutoff * std::pow(last_cutoff / settings.first_cutoff, exponent);
    const double stopband = settings.first_stopband * std::pow(last_stopband / settings.first_stopband, exponent);
    layer.out_rate = std::exp2(std::ceil(std::log2(std::min(stopband * 2, static_cast<double>(size)))));
    layer.out_half_width = std::max(stopband, layer.out_rate / 2) - layer.out_cutoff;
    layer.out_size = i >= count - 1 ? size : static_cast<std::int64_t>(layer.out_rate) + 2 * settings.margin;
    const auto before = out.empty() ? layer : out.back();
    layer.in_rate = before.out_rate;
    layer.in_size = before.out_size;
    layer.in_cutoff = before.out_cutoff;
    layer.in_half_width = before.out_half_width;
    finish_layer(layer, settings);
    out.push_back(layer);
  }
  return out;
}

NADA_INLINE std::vector<std::int64_t> stylegan3_channels(std::span<const StyleGan3Layer> layers, double base,
                                                         double most) {
  std::vector<std::int64_t> out;
  for (const auto& layer : layers)
    out.push_back(
        layer.to_rgb ? 3 : static_cast<std::int64_t>(std::nearbyint(std::min(base / 2 / layer.out_cutoff, most))));
  return out;
}

NADA_INLINE std::string stylegan3_name(std::size_t index, std::int64_t size, std::int64_t channels) {
  return join("L", index, "_", size, "_", channels);
}

}  // namespace nada
