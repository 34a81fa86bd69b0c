/// CLIP's image tower as a residual network: three-layer stem, anti-aliased strides, attention pooling
/// (arXiv:2103.00020, section 2.4). For seeing, batch norms are folded into the convolutions they follow; for training
/// they use the batch's own statistics.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

class ModifiedResNet {
 public:
  static constexpr std::string_view name = "modified residual network";

  /// OpenAI's names, `visual.*`; heads 0: width / 2 for a tower of that width (width 64 has 32 heads of 64).
  /// `training`: batch norms normalise by the batch, and move the running statistics among `weights` in place, a tenth
  /// each time.
  ModifiedResNet(const Weights& weights, std::int64_t heads, Gelu /*kind*/, bool training = false)
      : training_(training) {
    for (int i = 1; i <= 3; ++i) stem_.push_back(convolution(weights, join("visual.conv", i), join("visual.bn", i)));
    for (int layer = 1; layer <= 4; ++layer) {
      const auto prefix = join("visual.layer", layer, ".");
      const int depth = weights.count(prefix, ".conv1.weight");
      require(depth > 0, weights.what(), ": tensor ", prefix, "0.conv1.weight is missing");
      auto& stage = stages_.emplace_back();
      for (int b = 0; b < depth; ++b) {
        const auto p = join(prefix, b, ".");
        Bottleneck block;
        block.stride = b == 0 && layer > 1 ? 2 : 1;
        for (int i = 1; i <= 3; ++i)
          block.convolutions.push_back(convolution(weights, join(p, "conv", i), join(p, "bn", i)));
        if (weights.has(p + "downsample.0.weight"))
          block.downsample = convolution(weights, p + "downsample.0", p + "downsample.1");
        stage.push_back(std::move(block));
      }
    }
    positions_ = weights("visual.attnpool.positional_embedding", {-1, -1});
    const auto width = positions_.size(1);
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string p = std::string("visual.attnpool.") + "qkv"[i] + "_proj.";
      qkv_weight_[i] = weights(p + "weight", {width, width});
      qkv_bias_[i] = weights(p + "bias", {width});
    }
    out_weight_ = weights("visual.attnpool.c_proj.weight", {-1, width});
    out_bias_ = weights("visual.attnpool.c_proj.bias", {out_weight_.size(0)});
    const auto tower = stem_[2].weight.size(0);
    heads_ = heads ? heads : tower / 2;
    require(heads_ > 0 && width % heads_ == 0, weights.what(), ": attention pooling of width ", width,
            " does not split into ", heads_, " heads");
    grid_ = 1;
    while (grid_ * grid_ + 1 < positions_.size(0)) ++grid_;
    require(grid_ * grid_ + 1 == positions_.size(0), weights.what(), ": ", positions_.size(0),
            " positions are not a square grid and a mean token");
  }

  std::int64_t resolution() const { return grid_ * 32; }
  std::int64_t width() const { return out_weight_.size(0); }
  std::size_t depth() const { return stages_.size(); }

  /// Normalised images [N, 3, R, R] -> {embeddings [N, E], last feature map as tokens [N, h w, C] if wanted}.
  /// `tap(name, value)` sees "stem" and "layer1" ... "layer4", [N, C, h, w].
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

 private:
  struct Folded {
    Tensor weight, bias;
    Tensor gain = {}, running_mean = {}, running_variance = {};  // for training: the norm is not folded
    Tensor operator()(const Tensor& images, std::int64_t stride = 1) const {
      const auto x = images.to(weight.scalar_type());
      const auto pad = weight.size(2) / 2;
      if (!gain.defined()) return at::conv2d(x, weight, bias.to(weight.scalar_type()), stride, pad);
      return at::batch_norm(at::conv2d(x, weight, {}, stride, pad), gain, bias, running_mean, running_variance,
                            /*training=*/true, /*momentum=*/0.1, epsilon, /*cudnn_enabled=*/true);
    }
  };
  struct Bottleneck {
    std::vector<Folded> convolutions;
    Folded downsample;
    std::int64_t stride = 1;
    Tensor operator()(const Tensor& x) const {
      auto y = at::relu(convolutions[0](x));
      y = at::relu(convolutions[1](y));
      if (stride > 1) y = at::avg_pool2d(y, stride);
      y = convolutions[2](y);
      auto identity = x;
      if (downsample.weight.defined()) identity = downsample(stride > 1 ? at::avg_pool2d(x, stride) : x);
      return at::relu(y + identity);
    }
  };

  static constexpr double epsilon = 1e-5;

  /// W' = W g / sqrt(var + 1e-5), b' = beta - mean g / sqrt(var + 1e-5)
  Folded convolution(const Weights& weights, const std::string& conv, const std::string& norm) const {
    const auto weight = weights(conv + ".weight", {-1, -1, -1, -1});
    const auto o = weight.size(0);
    if (training_)
      return {weight, weights(norm + ".bias", {o}), weights(norm + ".weight", {o}),
              weights(norm + ".running_mean", {o}), weights(norm + ".running_var", {o})};
    const auto scale = weights(norm + ".weight", {o}) * (weights(norm + ".running_var", {o}) + epsilon).rsqrt();
    return {weight * scale.view({o, 1, 1, 1}),
            weights(norm + ".bias", {o}) - weights(norm + ".running_mean", {o}) * scale};
  }

  std::vector<Folded> stem_;
  std::vector<std::vector<Bottleneck>> stages_;
  Tensor positions_, qkv_weight_[3], qkv_bias_[3], out_weight_, out_bias_;
  std::int64_t heads_ = 0, grid_ = 0;
  bool training_ = false;
};

}  // namespace nada
