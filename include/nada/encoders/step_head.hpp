/// A head of an encoder that predicts how a picture's dense features move where its text moves.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

/// StepHead takes pictures and a step of texts to the step of the pictures' dense features. One text step moves every
/// picture in its own way, so that no vector serves all pictures; the head sees the picture.
///     x    = unshuffle_F(pictures)                             [N, 3 F F, H / F, W / F]
///     x    = conv3x3(x); for each block: x += conv3x3(silu((1 + a) conv3x3(silu(x)) + b))
///     a, b = linear(silu(linear(3 step)))                      [N, C] each
///     out  = for each level conv1x1(silu(x)), shuffled to the level's size: [N, C_l, H / S_l, W / S_l]
/// A level's prediction is in units of its `scale`, the root mean square of that level's steps in training. The pixels
/// themselves may be a level more, the last one. Tensors:
///     step_head.in.weight [C, 3 F F, 3, 3]
///     step_head.block.<k>.{0,1}.{weight,bias}, step_head.block.<k>.film.{0,1}.{weight,bias}
///     step_head.level.<l>.{weight,bias}, step_head.pixels.{weight,bias} where it predicts them
///     step_head.scale [levels], step_head.directions [K, E]
/// `directions` are unit text steps of the training; familiarity() compares with them.
/// Source:  the conditioning is FiLM, Perez et al., arXiv:1709.07871.
class StepHead {
 public:
  /// Reads the head that is among an encoder's tensors; is_in() tells whether there is one. `levels` are those of the
  /// encoder's dense features, of which the head may predict the first ones.
  /// Errors:  a tensor that is missing or does not fit.
  StepHead(const Weights& weights, const std::vector<DenseLevel>& levels);
  static bool is_in(const Weights& weights) { return weights.has("step_head.in.weight"); }

  std::int64_t fold() const { return fold_; }                  ///< F
  std::size_t levels() const { return level_weight_.size(); }  ///< of dense features, and one more with pixels
  std::size_t dense_levels() const { return levels() - (pixels_ ? 1 : 0); }
  bool predicts_pixels() const { return pixels_; }
  const Tensor& scale() const { return scale_; }                   ///< [levels]
  std::int64_t directions() const { return directions_.size(0); }  ///< K

  /// Predicts the steps of pictures [N, 3, H, W] in [-1, 1] under text steps [1 or N, E] of unit length.
  /// Errors:  H or W that F does not divide.
  std::vector<Tensor> operator()(const Tensor& pictures, const Tensor& step) const;

  /// Returns the largest cosine of a text step [1, E] with a step of the training, in [-1, 1]: how far the head knows
  /// what the text asks for.
  double familiarity(const Tensor& step) const;

 private:
  struct Convolution {
    Tensor weight, bias;
    Tensor operator()(const Tensor& x) const;
  };
  struct Block {
    Convolution first, second;
    Tensor film_weight[2], film_bias[2];
  };

  Convolution in_;
  std::vector<Block> blocks_;
  std::vector<Tensor> level_weight_, level_bias_;
  std::vector<std::int64_t> shuffle_;
  Tensor scale_, directions_;
  std::int64_t fold_ = 0;
  bool pixels_ = false;
};

/// Returns what a head predicts the steps of, for images [N, 3, H, W] in [-1, 1]: the encoder's first dense features,
/// then the images themselves where the head predicts pixels.
template <class Encoder>
std::vector<Tensor> stepping_features(const Encoder& encoder, const StepHead& head, const Tensor& images) {
  std::vector<Tensor> out;
  if (head.dense_levels() > 0) {
    out = encoder.see_dense(images);
    out.resize(head.dense_levels());
  }
  if (head.predicts_pixels()) out.push_back(images);
  return out;
}

/// StepHeadShape holds the sizes of a new head.
struct StepHeadShape {
  std::vector<DenseLevel> levels;
  bool pixels = false;  // a level of the pixels themselves
  std::int64_t embedding = 128, width = 96, blocks = 4, fold = 4, directions = 256;
};

/// Returns the tensors of a head before training: kernels and matrices N(0, 1 / fan-in), the second convolution of
/// each block, the last linear map of its FiLM and the levels 0, scales 1. `stream` gives the numbers.
/// Errors:  a level whose stride does not divide the fold; neither levels nor pixels.
TensorMap initial_step_head(const StepHeadShape& shape, const Stream& stream);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/step_head.ipp"
#endif
