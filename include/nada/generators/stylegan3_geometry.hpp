/// The sizes, sampling rates and filters of StyleGAN3's layers.
/// Source:  Karras et al., Alias-Free Generative Adversarial Networks, arXiv:2106.12423, sections 3.2 and appendix G.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"

namespace nada {

/// StyleGan3Settings hold the numbers that the tensors do not give; frequencies are in periods per picture.
struct StyleGan3Settings {
  int resolution = 0;                         // pixels of a side of the picture; a power of two
  int critical = 2;                           // layers at the end whose cutoff is half the sampling rate
  int margin = 10;                            // pixels around the picture in all layers but the last two
  int filter_size = 6;                        // taps of a filter, times its factor
  int upsampling = 2;                         // of activations
  double first_cutoff = 2;                    // of the input
  double first_stopband = 4.287093850145173;  // 2^2.1, of the input
  double last_stopband = 1.2311444133449163;  // 2^0.3, of the last layer, in units of its cutoff
  double output_scale = 0.25;                 // of the picture
  double mapping_lr = 0.01;                   // multiplier of the mapping network's learning rate
  std::optional<double> conv_clamp = {256};   // activations are clamped to +- this number
};

/// StyleGan3Layer is the geometry of one layer; pictures are square.
struct StyleGan3Layer {
  bool to_rgb = false, critical = false, radial = false;  // radial: its filter behind the activation
  std::int64_t in_size = 0, out_size = 0;                 // pixels of a side, with margins
  double in_rate = 0, out_rate = 0, middle_rate = 0;      // sampling rates; middle: of the activation
  double in_cutoff = 0, out_cutoff = 0, in_half_width = 0, out_half_width = 0;
  std::int64_t kernel = 3, up_taps = 1, down_taps = 1;  // 1 tap: no filter
  int up = 1, down = 1;
  std::array<std::int64_t, 4> padding = {};  // x before, x after, y before, y after

  /// Returns the filter before or behind the activation, undefined where there is none, as arXiv:2106.12423 designs it.
  Tensor up_filter() const;
  Tensor down_filter() const;
};

/// Returns the geometry of `count` layers and of ToRGB, which is the last. `kernel` is 3 in configuration T and 1 in R,
/// whose filters behind the activations are radial but in critical layers.
/// Errors:  a resolution that is no power of two from 16 on; fewer than one layer before the critical ones; layers whose sizes
///          do not fit.
std::vector<StyleGan3Layer> stylegan3_layers(const StyleGan3Settings& settings, int count, std::int64_t kernel,
                                             bool radial);

/// Returns the channels behind each layer, as the official constructor has them: base / 2 / cutoff, at most `most`; 3 at last.
std::vector<std::int64_t> stylegan3_channels(std::span<const StyleGan3Layer> layers, double base, double most);

/// Returns the official name of a layer: "L3_52_512".
std::string stylegan3_name(std::size_t index, std::int64_t size, std::int64_t channels);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/stylegan3_geometry.ipp"
#endif
