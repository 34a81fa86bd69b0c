// Bodies of modified_resnet.hpp.
#pragma once
#include "nada/encoders/modified_resnet.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE ModifiedResNet::ModifiedResNet(const Weights& weights, std::int64_t heads, Gelu /*kind*/, bool training)
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

NADA_INLINE std::vector<Tensor> ModifiedResNet::dense_features(const Tensor& images) const {
  require(images.size(2) % 4 == 0 && images.size(3) % 4 == 0, "images of shape ", shape_text(images.sizes()),
          ", expected sides that 4 divides");
  auto x = images;
  if (x.is_cpu() && x.scalar_type() == torch::kFloat32) x = x.contiguous(at::MemoryFormat::ChannelsLast);
  const auto stem = stem_[2](at::relu(stem_[1](at::relu(stem_[0](x, 2)))));
  x = at::avg_pool2d(at::relu(stem), 2);
  for (const auto& block : stages_[0]) x = block(x);
  return {stem, x};
}

NADA_INLINE Tensor ModifiedResNet::Folded::operator()(const Tensor& images, std::int64_t stride) const {
  const auto x = images.to(weight.scalar_type());
  const auto pad = weight.size(2) / 2;
  if (!gain.defined()) return at::conv2d(x, weight, bias.to(weight.scalar_type()), stride, pad);
  return at::batch_norm(at::conv2d(x, weight, {}, stride, pad), gain, bias, running_mean, running_variance,
                        /*training=*/true, /*momentum=*/0.1, epsilon, /*cudnn_enabled=*/true);
}

NADA_INLINE Tensor ModifiedResNet::Bottleneck::operator()(const Tensor& x) const {
  auto y = at::relu(convolutions[0](x));
  y = at::relu(convolutions[1](y));
  if (stride > 1) y = at::avg_pool2d(y, stride);
  y = convolutions[2](y);
  auto identity = x;
  if (downsample.weight.defined()) identity = downsample(stride > 1 ? at::avg_pool2d(x, stride) : x);
  return at::relu(y + identity);
}

NADA_INLINE ModifiedResNet::Folded ModifiedResNet::convolution(const Weights& weights, const std::string& conv,
                                                               const std::string& norm) const {
  const auto weight = weights(conv + ".weight", {-1, -1, -1, -1});
  const auto o = weight.size(0);
  if (training_)
    return {weight, weights(norm + ".bias", {o}), weights(norm + ".weight", {o}), weights(norm + ".running_mean", {o}),
            weights(norm + ".running_var", {o})};
  const auto scale = weights(norm + ".weight", {o}) * (weights(norm + ".running_var", {o}) + epsilon).rsqrt();
  return {weight * scale.view({o, 1, 1, 1}),
          weights(norm + ".bias", {o}) - weights(norm + ".running_mean", {o}) * scale};
}

}  // namespace nada
