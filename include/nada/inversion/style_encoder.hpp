/// A network that takes a picture to its styles at once.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/generators/generator.hpp"
#include "nada/inversion/inverter.hpp"

namespace nada {

/// StyleEncoder sees a picture x beside what its styles give so far, and says by how much the styles are to move:
///     w_0 = mean,   w_p+1 = w_p + deviation e(x, G(w_p))     w [N, L, D], deviation [D]
/// The network e is a residual tower with a feature pyramid; each group of neighbouring styles has a head at a level of
/// the pyramid, the coarse styles at the coarsest one:
///     y_0  = conv3x3(unshuffle_F [x, G(w)])                             [N, C_0, 2^(K-1) 4, ...]
///     y_k  = conv3x3(y_k-1), stride 2; in each level y += conv3x3(silu(conv3x3(silu(y))))     down to [N, C_K-1, 4, 4]
///     p_0  = conv1x1(y_K-1),   p_g = upsample2(p_g-1) + conv1x1(y_K-1-g)
///     e_g  = linear(silu(linear(mean over a 4x4 grid of silu(p_g))))    [N, styles of the group, D]
/// The tensors give all sizes:
///     style_encoder.in, .down.<k>, .block.<k>.<b>.{0,1}, .lateral.<g>, .head.<g>.{0,1}   each .weight and .bias
///     style_encoder.deviation [D]
/// Source:  Richardson et al., Encoding in Style, arXiv:2008.00951 (pyramid, heads); Alaluf et al., ReStyle,
///          arXiv:2104.02699 (passes that see what came of the last one).
/// Facts:   with heads of zeros every picture gets the mean style; the result of a picture does not depend on its batch.
class StyleEncoder {
 public:
  /// Reads the network that is among `weights`. Errors: a tensor that is missing or does not fit.
  StyleEncoder(const Weights& weights, std::int64_t passes);

  std::int64_t passes() const { return passes_; }         ///< of an inversion
  std::int64_t style_count() const { return styles_; }    ///< L
  std::int64_t resolution() const { return side_; }       ///< of the pictures
  const Tensor& deviation() const { return deviation_; }  ///< [D], of the generator's styles

  /// Returns by how many deviations the styles of `made` [N, 3, R, R] are to move toward `images` [N, 3, R, R], as
  /// [N, L, D] in the type of `images`.
  Tensor step(const Tensor& images, const Tensor& made) const;

  /// Returns the styles w+ [N, L, D] of images [N, 3, R, R] after `passes` passes (0: as many as it was trained for).
  /// Errors:  a generator of another size.
  template <Generator G>
  Tensor styles(const G& generator, const Tensor& images, std::int64_t passes = 0) const {
    check_fits(generator);
    const torch::NoGradGuard no_grad;
    const auto mean = generator.mean_style();
    const auto scale = deviation_.to(mean.options());
    const auto x = images.to(mean.options());
    auto w = mean.view({1, 1, -1}).expand({1, styles_, mean.size(0)});
    for (std::int64_t pass = 0; pass < (passes > 0 ? passes : passes_); ++pass)
      w = w + scale * step(x, generator.synthesize(w, Render{}).expand(x.sizes()));
    return w.contiguous();
  }

  /// Inverts a picture; `progress` is told once, all passes being one step. The loss of the result is the mean squared difference of pixels.
  template <Generator G>
  Inversion invert(const G& generator, const Tensor& image, const Stream&,
                   const InversionProgress& progress = {}) const {
    check_image(generator, image);
    const torch::NoGradGuard no_grad;
    Inversion out;
    out.styles = styles(generator, image);
    const auto target = image.to(out.styles.options());
    out.loss = (generator.synthesize(out.styles, Render{}) - target).square().mean().template item<double>();
    if (progress) progress(1, 1, out.loss);
    return out;
  }

  /// Errors:  a generator whose pictures or styles are not of this network's sizes.
  template <Generator G>
  void check_fits(const G& generator) const {
    require(generator.resolution() == side_ && generator.style_count() == styles_ &&
                generator.mean_style().size(0) == deviation_.size(0),
            "the style encoder is for a generator of ", side_, " px with ", styles_, " styles of ", deviation_.size(0),
            " numbers, this one has ", generator.resolution(), " px and ", generator.style_count(), " of ",
            generator.mean_style().size(0));
  }

 private:
  struct Layer {
    Tensor weight, bias;
    Tensor convolve(const Tensor& x, std::int64_t stride = 1) const;
  };
  struct Level {
    std::optional<Layer> down;
    std::vector<std::pair<Layer, Layer>> blocks;
  };
  struct Head {
    Layer lateral, first, second;
  };

  void read_tower(const Weights& weights);
  void read_heads(const Weights& weights);

  Layer in_;
  std::vector<Level> levels_;
  std::vector<Head> heads_;
  Tensor deviation_;
  std::int64_t passes_ = 1, styles_ = 0, side_ = 0, fold_ = 1;
};

/// StyleEncoderShape holds the sizes of a new network.
struct StyleEncoderShape {
  std::int64_t resolution = 64, styles = 10, style_size = 128;  // of the generator
  std::vector<std::int64_t> channels{48, 80, 112, 160};         // of the levels, from the finest to 4 pixels
  std::int64_t blocks = 1, groups = 3, lateral = 32, hidden = 256;

  /// Errors:  sizes that do not go together.
  void check() const;
};

/// Returns the tensors of a network before training: kernels and matrices N(0, 1 / fan-in), the second convolution of
/// each block and the last matrix of each head 0, deviations 1.
TensorMap initial_style_encoder(const StyleEncoderShape& shape, const Stream& stream);

/// Returns the deviation [D] of a generator's styles from their mean style, over `count` latents.
template <Generator G>
Tensor style_deviation(const G& generator, const Stream& stream, std::int64_t count = 4096, const Tensor& labels = {}) {
  const torch::NoGradGuard no_grad;
  const auto z =
      stream.normal(Purpose::inversion, {count, generator.latent_size()}).to(generator.mean_style().options());
  return (generator.map(z, labels).select(1, 0) - generator.mean_style()).square().mean(0).sqrt().clamp_min(1e-8);
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/inversion/style_encoder.ipp"
#endif
