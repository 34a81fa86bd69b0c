/// StyleGAN3's generator, configurations T and R: mapping network, Fourier features, layers whose activations run between
/// two filters. The tensors give widths and filters.
/// Source:  Karras et al., Alias-Free Generative Adversarial Networks, arXiv:2106.12423.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/mapping.hpp"
#include "nada/generators/stylegan3_geometry.hpp"
#include "nada/generators/stylegan3_ops.hpp"
#include "nada/generators/tensor_reader.hpp"

namespace nada {

/// StyleGan3's layers are `embed` (with classes) and `mapping.K`; `input` (of the kind constant; reads style 0); and, by their
/// official names, `L0_36_512`, ..., of which the last is the rgb layer. A layer's resolution is its sampling rate, so that
/// the groups coarse, medium and fine mean the same frequencies as in StyleGAN2; its size is larger by the margins.
/// There are neither noise inputs nor exits before the last layer.
class StyleGan3 {
 public:
  /// Takes over tensors by native name: `<layer>.<slot>`, `mean_style` [D], and what does not train: `input.freqs`,
  /// `input.phases`, `input.transform`, `L*.magnitude_ema`, `L*.up_filter`, `L*.down_filter`. `what` names their origin.
  /// Errors:  a tensor that is missing, is not used, or whose shape does not fit the others and the settings.
  explicit StyleGan3(TensorMap tensors, const std::string& what, const StyleGan3Settings& settings);

  std::span<const Layer> layers() const { return layers_; }
  std::int64_t latent_size() const { return mapping_.latent_size; }  ///< Z
  std::int64_t style_size() const { return mean_style_.size(0); }    ///< D
  /// L = layers + 2: of the input, of each layer, of RGB.
  std::int64_t style_count() const { return static_cast<std::int64_t>(shapes_.size()) + 1; }
  int resolution() const { return settings_.resolution; }          ///< H = W
  Tensor mean_style() const { return mean_style_; }                ///< [D]
  std::int64_t label_size() const { return mapping_.label_size; }  ///< C; 0: not class-conditional
  bool is_radial() const;                                          ///< configuration R
  const StyleGan3Settings& settings() const { return settings_; }
  std::span<const StyleGan3Layer> geometry() const { return shapes_; }
  torch::TensorOptions options() const { return mean_style_.options(); }

  std::size_t noise_map_count() const { return 0; }
  int noise_resolution(std::size_t) const { fail("a StyleGAN3 generator has no noise maps"); }
  void use_noise(std::size_t, const Tensor&) { fail("a StyleGAN3 generator has no noise maps"); }

  /// Maps latents z [N, Z] and labels [N, C] or [1, C] (one-hot; undefined unless class-conditional) to w+ [N, L, D] with L
  /// equal styles.
  Tensor map(const Tensor& z, const Tensor& labels = {}) const;

  /// Renders styles w+ [N, L, D] to images [N, 3, H, W], nominally in [-1, 1].
  /// Errors:  styles of another shape; render.resolution other than 0 and the generator's.
  Tensor synthesize(const Tensor& styles, const Render& render = {}) const {
    return synthesize(styles, render, [](std::string_view, const Tensor&) {});
  }

  /// Renders as above and calls tap(name, value) with the result of the input and of each layer.
  template <class Tap>
  Tensor synthesize(const Tensor& styles, const Render& render, Tap&& tap) const {
    require_renderable(styles, render);
    auto x = input(styles.select(1, 0));
    tap("input", x);
    for (std::size_t i = 0; i < shapes_.size(); ++i) {
      x = layer(i, x, styles.select(1, static_cast<std::int64_t>(i) + 1), render.convolutions);
      tap(layers_[first_layer_ + i].name, x);
    }
    return x * settings_.output_scale;
  }

  const Tensor& slot(std::size_t layer, std::size_t slot) const { return slots_.at(layer).at(slot); }

  /// Replaces an effective tensor by `value`, which may carry a graph.
  void use(std::size_t layer, std::size_t slot, Tensor value);

  /// Rotates and shifts the pictures by a matrix [3, 3] that takes their places to those of the input, in units of the picture.
  /// Errors:  another shape.
  void use_transform(const Tensor& matrix);

  StyleGan3 clone() const;

  /// Returns a copy in another type or on another device.
  StyleGan3 to(torch::Device device, torch::ScalarType type) const;

  /// Returns all tensors by native name, as the constructor takes them.
  TensorMap tensors() const;
  /// Returns the SHA-256 over the tensors by native name, as float32. A delta knows its base by this hash.
  std::string content_hash() const;

 private:
  struct Fixed {  // what does not train
    Tensor magnitude, up_filter, down_filter;
    stylegan3::FilteredLeakyRelu activation = {};
  };

  void read_input(TensorReader& reader);
  void read_layer(TensorReader& reader, std::size_t index);
  void require_renderable(const Tensor& styles, const Render& render) const;
  Tensor input(const Tensor& w) const;
  Tensor layer(std::size_t index, const Tensor& x, const Tensor& w, std::optional<torch::ScalarType> type) const;
  /// Calls change(tensor) for every tensor that is no slot.
  template <class Change>
  void each_fixed(Change&& change);

  std::vector<Layer> layers_;
  std::vector<std::vector<Tensor>> slots_;  // as layers_
  std::size_t first_layer_ = 0;             // of L0
  std::vector<StyleGan3Layer> shapes_;      // of L0, L1, ...
  std::vector<Fixed> fixed_;                // as shapes_
  Tensor mean_style_, frequencies_, phases_, transform_;
  Mapping mapping_;
  StyleGan3Settings settings_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/stylegan3.ipp"
#endif
