// Bodies of ir_se.hpp.
#pragma once
#include "nada/encoders/ir_se.hpp"

#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE BatchNorm::BatchNorm(const Weights& weights, const std::string& name, std::int64_t width, double epsilon)
    : weight_(weights(name + ".weight", {width})),
      bias_(weights(name + ".bias", {width})),
      mean_(weights(name + ".running_mean", {width})),
      variance_(weights(name + ".running_var", {width})),
      epsilon_(epsilon) {}

NADA_INLINE Tensor BatchNorm::operator()(const Tensor& x) const {
  return at::batch_norm(x, weight_, bias_, mean_, variance_, /*training=*/false, /*momentum=*/0, epsilon_,
                        /*cudnn_enabled=*/false);
}

NADA_INLINE IrSeBody::IrSeBody(const Weights& weights, const std::string& prefix, std::int64_t channels) {
  stem_ = weights(prefix + "input_layer.0.weight", {-1, channels, 3, 3});
  auto width = stem_.size(0);
  stem_norm_ = BatchNorm(weights, prefix + "input_layer.1", width);
  stem_slope_ = weights(prefix + "input_layer.2.weight", {width});
  constexpr std::array<int, 4> stages = {3, 4, 14, 3};
  int k = 0;
  for (const int depth : stages)
    for (int i = 0; i < depth; ++i, ++k) {
      blocks_.push_back(read_block(weights, join(prefix, "body.", k), width, i == 0 ? 2 : 1));
      width = blocks_.back().width;
    }
  require(!weights.has(join(prefix, "body.", blocks, ".res_layer.1.weight")), weights.what(), ": has more than ",
          blocks, " blocks, expected those of an IR-SE 50");
  width_ = width;
}

NADA_INLINE IrSeBody::Block IrSeBody::read_block(const Weights& weights, const std::string& name, std::int64_t in,
                                                 std::int64_t stride) {
  Block out;
  out.stride = stride;
  const auto residual = name + ".res_layer.";
  out.before = BatchNorm(weights, residual + "0", in);
  out.first = weights(residual + "1.weight", {-1, in, 3, 3});
  const auto width = out.width = out.first.size(0);
  out.slope = weights(residual + "2.weight", {width});
  out.second = weights(residual + "3.weight", {width, width, 3, 3});
  out.after = BatchNorm(weights, residual + "4", width);
  out.squeeze = weights(residual + "5.fc1.weight", {-1, width, 1, 1});
  out.excite = weights(residual + "5.fc2.weight", {width, out.squeeze.size(0), 1, 1});
  if (weights.has(name + ".shortcut_layer.0.weight")) {
    out.shortcut = weights(name + ".shortcut_layer.0.weight", {width, in, 1, 1});
    out.of_shortcut = BatchNorm(weights, name + ".shortcut_layer.1", width);
  } else {
    require(in == width, weights.what(), ": tensor ", name, ".shortcut_layer.0.weight is missing");
  }
  return out;
}

NADA_INLINE Tensor IrSeBody::Block::operator()(const Tensor& x) const {
  const auto y = at::prelu(at::conv2d(before(x), first, {}, 1, 1), slope);
  const auto residual = after(at::conv2d(y, second, {}, stride, 1));
  const auto means = residual.mean(at::IntArrayRef{2, 3}, /*keepdim=*/true);
  const auto gates = at::conv2d(at::relu(at::conv2d(means, squeeze)), excite).sigmoid();
  const auto along = shortcut.defined() ? of_shortcut(at::conv2d(x, shortcut, {}, stride))
                                        : x.slice(2, 0, x.size(2), stride).slice(3, 0, x.size(3), stride);
  return at::addcmul(along, residual, gates);
}

NADA_INLINE Tensor IrSeBody::operator()(const Tensor& images,
                                        const std::function<void(int, const Tensor&)>& tap) const {
  require(images.dim() == 4 && images.size(1) == stem_.size(1) && images.size(2) >= 16 && images.size(3) >= 16,
          "images of shape ", shape_text(images.sizes()), ", expected [N, ", stem_.size(1),
          ", H, W] of 16 pixels or more");
  auto x = at::prelu(stem_norm_(at::conv2d(images.to(stem_.options()), stem_, {}, 1, 1)), stem_slope_);
  for (int k = 0; k < blocks; ++k) {
    x = blocks_[static_cast<std::size_t>(k)](x);
    if (tap) tap(k, x);
  }
  return x;
}

}  // namespace nada
