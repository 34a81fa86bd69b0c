/// StyleGAN2's generator: mapping network, modulated synthesis with skip connections to
/// RGB. The tensors give the sizes.
/// Source:  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/mapping.hpp"
#include "nada/generators/stylegan2_ops.hpp"
#include "nada/generators/tensor_reader.hpp"

namespace nada {

/// NamedTensors hold tensors by native name, `<layer>.<slot>` (`conv.64.0.affine.bias`), with `mean_style` [D] and,
/// optionally, noise maps `noise.64.0` [64, 64].
using NamedTensors = std::map<std::string, Tensor>;

/// StyleGan2Settings hold the numbers that the tensors do not give.
struct StyleGan2Settings {
  double mapping_lr = 0.01;               // multiplier of the mapping network's learning rate
  std::optional<double> conv_clamp = {};  // activations and RGB of each layer are clamped to +- this number
};

/// StyleGan2 has skip connections to RGB, or residual blocks with one RGB at the end, depending on the tensors. The
/// generator is class-conditional where the tensors hold an `embed.weight`, and grey where its RGB layers have one channel.
/// A convolution may have a `pattern` [r, r], a map that is added to all of its channels whatever noise is used: what
/// stands at fixed places of the picture, hatching or tiles, is hard for convolutions alone and easy with it.
class StyleGan2 {
 public:
  /// Takes over tensors by native name. `what` names their origin in messages.
  /// Errors:  a tensor that is missing, is not used, or whose shape does not fit the other tensors.
  explicit StyleGan2(NamedTensors tensors, const std::string& what = "generator", StyleGan2Settings settings = {},
                     NameInFile name_in_file = {});

  std::span<const Layer> layers() const { return layers_; }
  std::int64_t latent_size() const { return mapping_.latent_size; }  ///< Z
  std::int64_t style_size() const { return mean_style_.size(0); }    ///< D
  std::int64_t style_count() const { return style_count_; }          ///< L = 2 log2(resolution) - 2
  int resolution() const { return resolution_; }                     ///< H = W
  Tensor mean_style() const { return mean_style_; }                  ///< [D]
  bool has_noise_maps() const { return has_noise_maps_; }
  std::size_t noise_map_count() const { return noise_.size(); }  ///< one map for each convolution
  int noise_resolution(std::size_t map) const;
  /// Returns a map that Noise::stored reads: [r, r], or [N, 1, r, r] with a map for each of N samples; undefined
  /// where the generator has no noise.
  const Tensor& noise_map(std::size_t map) const { return noise_.at(map); }
  void use_noise(std::size_t map, Tensor value);
  std::int64_t label_size() const { return mapping_.label_size; }  ///< C; 0: not class-conditional
  bool is_residual() const { return residual_; }
  const StyleGan2Settings& settings() const { return settings_; }
  torch::TensorOptions options() const { return mean_style_.options(); }

  /// Maps latents z [N, Z] and labels [N, C] or [1, C] (one-hot; undefined unless class-conditional) to w+
  /// [N, L, D] with L equal styles.
  Tensor map(const Tensor& z, const Tensor& labels = {}) const;

  /// Renders styles w+ [N, L, D] to images [N, 3, H, W], nominally in [-1, 1]; with
  /// render.resolution the skip sum up to that size.
  Tensor synthesize(const Tensor& styles, const Render& render = {}) const {
    return synthesize(styles, render, [](std::string_view, const Tensor&) {});
  }

  /// Renders as above and calls tap(name, value) on the way, with the output of every convolution after its activation
  /// ("conv.64.0") and with the running RGB ("rgb.64").
  template <class Tap>
  Tensor synthesize(const Tensor& styles, const Render& render, Tap&& tap) const {
    require(styles.dim() == 3 && styles.size(1) == style_count_ && styles.size(2) == style_size(), "w+ of shape ",
            shape_text(styles.sizes()), ", expected [N, ", style_count_, ", ", style_size(), "]");
    const int last = render.resolution ? render.resolution : resolution_;
    require(last >= 4 && last <= resolution_ && (last & (last - 1)) == 0, "no exit at ", last,
            " pixels; this generator has them at powers of two from 4 to ", resolution_);
    require(!residual_ || last == resolution_, "no exit at ", last, " pixels; a residual generator has only one, at ",
            resolution_);
    const auto n = styles.size(0);
    const auto style = [&](const Layer& layer) { return styles.select(1, layer.style); };
    std::size_t k = first_convolution() - 1;  // the constant
    auto x = slots_[k][0].unsqueeze(0).expand({n, -1, -1, -1});
    Tensor rgb, shortcut;
    std::size_t map = 0;
    for (++k; k < layers_.size() && layers_[k].resolution <= last; ++k) {
      const auto& layer = layers_[k];
      const auto& slot = slots_[k];
      if (layer.kind == LayerKind::convolution) {
        const bool up = layer.resolution > layers_[k - 1].resolution;
        if (residual_ && up) shortcut = stylegan2::shortcut(x, slot[5]);
        const bool ends_block = residual_ && !up && layer.resolution > 4;
        const auto noise = noise_for(layer, map++, n, render);
        x = stylegan2::modulated_convolution(
            x, style(layer), {slot[0], slot[1], slot[2], slot[3], slot[4], pattern_of(k)}, noise, up,
            ends_block ? std::sqrt(0.5) : 1, settings_.conv_clamp, render.convolutions);
        if (ends_block) x = x + shortcut;
        tap(layer.name, x);
      } else {
        auto own = stylegan2::to_rgb(x, style(layer), slot[0], slot[1], slot[2], slot[3]);
        if (settings_.conv_clamp) own = own.clamp(-*settings_.conv_clamp, *settings_.conv_clamp);
        rgb = rgb.defined() ? stylegan2::upsample(rgb) + own : own;
        tap(layer.name, rgb);
      }
    }
    return rgb.defined() && rgb.size(1) == 1 ? rgb.repeat({1, 3, 1, 1}) : rgb;  // of one channel: grey
  }

  const Tensor& slot(std::size_t layer, std::size_t slot) const { return slots_.at(layer).at(slot); }

  /// Replaces an effective tensor by `value`, which may carry a graph.
  void use(std::size_t layer, std::size_t slot, Tensor value);

  bool has_patterns() const { return has_patterns_; }
  /// Returns a copy whose convolutions all have patterns: those that have none get zeros, which change no picture.
  StyleGan2 with_patterns() const;

  StyleGan2 clone() const;

  /// Returns a copy in another type or on another device.
  StyleGan2 to(torch::Device device, torch::ScalarType type) const;

  /// Returns all tensors by native name, as the constructor takes them.
  NamedTensors tensors() const;
  /// Returns the SHA-256 over the tensors by native name, as float32. A delta knows its base by this hash.
  std::string content_hash() const;

 private:
  /// A TensorReader that knows the channels of the next layer's input, and those of the image (0: no RGB layer was read
  /// yet).
  struct Reader : TensorReader {
    std::int64_t channels = 0, colours = 0;
  };

  void add(Layer layer, std::vector<Tensor> slots);
  void read_synthesis(Reader& reader);
  void read_convolution(Reader& reader, int r, int k, int style);
  void read_rgb(Reader& reader, int r, int style);

  std::size_t first_convolution() const { return find_layer(layers_, "const") + 1; }

  /// Returns the pattern of the convolution k, its last slot; undefined where the generator has none.
  Tensor pattern_of(std::size_t k) const { return has_patterns_ ? slots_[k].back() : Tensor{}; }

  Tensor noise_for(const Layer& layer, std::size_t map, std::int64_t n, const Render& render) const;

  std::vector<Layer> layers_;
  std::vector<std::vector<Tensor>> slots_;  // as layers_
  std::vector<Tensor> noise_;               // a map [r, r] or [N, 1, r, r] for each convolution, or undefined
  Tensor mean_style_;
  StyleGan2Settings settings_;
  Mapping mapping_;
  std::size_t mapping_layers_ = 0;  // the first of layers_
  std::int64_t style_count_ = 0;
  int resolution_ = 0;
  bool has_noise_maps_ = false, has_patterns_ = false, residual_ = false;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/stylegan2.ipp"
#endif
