/// IR-SE 50: the residual network with squeeze and excitation that face recognition (ArcFace) and encoders of pictures to
/// styles (pSp, e4e) share.
/// Source:  Deng et al., ArcFace, arXiv:1801.07698; Hu et al., Squeeze-and-Excitation Networks, arXiv:1709.01507; names as in
///          TreB1eN/InsightFace_Pytorch, model_irse.py.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

/// BatchNorm is a batch norm by its running statistics.
class BatchNorm {
 public:
  BatchNorm() = default;
  BatchNorm(const Weights& weights, const std::string& name, std::int64_t width, double epsilon = 1e-5);
  Tensor operator()(const Tensor& x) const;

 private:
  Tensor weight_, bias_, mean_, variance_;
  double epsilon_ = 1e-5;
};

/// IrSeBody is the network without its head: a stem and 24 blocks, in stages of 3, 4, 14 and 3, the first block of each
/// with stride 2. All widths come from the tensors.
class IrSeBody {
 public:
  static constexpr int blocks = 24;

  IrSeBody() = default;
  /// Takes tensors `<prefix>input_layer.*` and `<prefix>body.K.*`; images have `channels`.
  /// Errors:  a tensor that is missing or of another shape.
  explicit IrSeBody(const Weights& weights, const std::string& prefix = {}, std::int64_t channels = 3);

  /// Returns the result of the last block for images [N, channels, H, W] in [-1, 1], [N, C, H / 16, W / 16]; calls tap(k, result)
  /// for each block k.
  Tensor operator()(const Tensor& images, const std::function<void(int, const Tensor&)>& tap = {}) const;
  std::int64_t width() const { return width_; }  ///< C
  /// Returns the channels behind a block.
  std::int64_t width(int block) const { return blocks_.at(static_cast<std::size_t>(block)).width; }

 private:
  struct Block {
    std::int64_t stride = 1, width = 0;
    BatchNorm before, after, of_shortcut;
    Tensor first, slope, second, squeeze, excite;
    Tensor shortcut;  // [O, I, 1, 1]; undefined where the widths are equal
    Tensor operator()(const Tensor& x) const;
  };
  static Block read_block(const Weights& weights, const std::string& name, std::int64_t in, std::int64_t stride);

  Tensor stem_, stem_slope_;
  BatchNorm stem_norm_;
  std::vector<Block> blocks_;
  std::int64_t width_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/ir_se.ipp"
#endif
