/// CLIP's image tower as a residual network: three-layer stem, anti-aliased strides, attention pooling. For encoding,
/// each batch norm is folded into the convolution before it; for training, batch norms use the batch's own statistics.
/// Source:  Radford et al., arXiv:2103.00020, section 2.4.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

class ModifiedResNet {
 public:
  static constexpr std::string_view name = "modified residual network";

  /// Takes tensors with OpenAI's names, `visual.*`. `heads` 0 means width / 2 for a tower of that width (a tower of
  /// width 64 has 32 heads of 64 numbers). With `training`, batch norms normalise by the batch's statistics and update
  /// the running statistics among `weights` in place, by a tenth in each call.
  ModifiedResNet(const Weights& weights, std::int64_t heads, Gelu /*kind*/, bool training = false);

  std::int64_t resolution() const { return grid_ * 32; }
  std::int64_t width() const { return out_weight_.size(0); }
  std::size_t depth() const { return stages_.size(); }

  /// Encodes normalised images [N, 3, R, R] to {embeddings [N, E], last feature map as tokens [N, h w, C] if wanted}.
  /// `tap(name, value)` is called with "stem" and "layer1" ... "layer4", [N, C, h, w].
  template <class Tap>
  std::pair<Tensor, Tensor> operator()(const Tensor& images, bool tokens, Tap&& tap) const {
    auto x = images;
    // Debian's oneDNN is up to 20 times faster with channels last.
    if (x.is_cpu() && x.scalar_type() == torch::kFloat32) x = x.contiguous(at::MemoryFormat::ChannelsLast);
    x = at::relu(stem_[0](x, 2));
    x = at::relu(stem_[1](x));
    x = at::avg_pool2d(at::relu(stem_[2](x)), 2);
    tap(std::string("stem"), x);
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      for (const auto& block : stages_[i]) x = block(x);
      tap("layer" + std::to_string(i + 1), x);
    }
    const auto map = x.flatten(2).transpose(1, 2);                            // [N, hw, C]
    const auto sequence = at::cat({map.mean(1, true), map}, 1) + positions_;  // [N, 1 + hw, C]
    const auto q = dense(sequence.narrow(1, 0, 1), qkv_weight_[0], qkv_bias_[0]);
    const auto k = dense(sequence, qkv_weight_[1], qkv_bias_[1]);
    const auto v = dense(sequence, qkv_weight_[2], qkv_bias_[2]);
    return {dense(attend(q, k, v, heads_).squeeze(1), out_weight_, out_bias_), tokens ? map : Tensor{}};
  }

  /// Returns the levels of dense features: the stem before its last activation, and the first stage.
  std::vector<DenseLevel> dense_levels() const {
    return {{stem_[2].weight.size(0), 2}, {stages_[0].back().convolutions[2].weight.size(0), 4}};
  }
  /// Encodes normalised images [N, 3, H, W], of any size that 4 divides, to their dense features, a map a level.
  std::vector<Tensor> dense_features(const Tensor& images) const;

 private:
  struct Folded {
    Tensor weight, bias;
    Tensor gain = {}, running_mean = {}, running_variance = {};  // the norm, where it is not folded: in training
    Tensor operator()(const Tensor& images, std::int64_t stride = 1) const;
  };
  struct Bottleneck {
    std::vector<Folded> convolutions;
    Folded downsample;
    std::int64_t stride = 1;
    Tensor operator()(const Tensor& x) const;
  };

  static constexpr double epsilon = 1e-5;

  /// Folds a batch norm into the convolution before it: W' = W g / sqrt(var + 1e-5), b' = beta - mean g / sqrt(var +
  /// 1e-5). In training the two are kept apart.
  Folded convolution(const Weights& weights, const std::string& conv, const std::string& norm) const;

  std::vector<Folded> stem_;
  std::vector<std::vector<Bottleneck>> stages_;
  Tensor positions_, qkv_weight_[3], qkv_bias_[3], out_weight_, out_bias_;
  std::int64_t heads_ = 0, grid_ = 0;
  bool training_ = false;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/modified_resnet.ipp"
#endif
