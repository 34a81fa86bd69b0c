// Bodies of step_head.hpp.
#pragma once
#include "nada/encoders/step_head.hpp"

#include <cmath>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE StepHead::StepHead(const Weights& weights, const std::vector<DenseLevel>& levels) {
  const auto convolution = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    return Convolution{weights(name + ".weight", {out, in, 3, 3}), weights(name + ".bias", {out})};
  };
  in_ = convolution("step_head.in", -1, -1);
  const auto width = in_.weight.size(0), folded = in_.weight.size(1);
  fold_ = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(folded) / 3)));
  require(fold_ > 0 && 3 * fold_ * fold_ == folded, weights.what(), ": step_head.in.weight takes ", folded,
          " channels, expected 3 times a square");
  for (int k = 0; weights.has(join("step_head.block.", k, ".0.weight")); ++k) {
    const auto name = join("step_head.block.", k, ".");
    auto& block = blocks_.emplace_back();
    block.first = convolution(name + "0", width, width);
    block.second = convolution(name + "1", width, width);
    block.film_weight[0] = weights(name + "film.0.weight", {-1, -1});
    const auto hidden = block.film_weight[0].size(0);
    block.film_bias[0] = weights(name + "film.0.bias", {hidden});
    block.film_weight[1] = weights(name + "film.1.weight", {2 * width, hidden});
    block.film_bias[1] = weights(name + "film.1.bias", {2 * width});
  }
  const auto level = [&](const std::string& name, std::int64_t channels, std::int64_t stride) {
    shuffle_.push_back(fold_ / stride);
    const auto out = channels * shuffle_.back() * shuffle_.back();
    level_weight_.push_back(weights(name + ".weight", {out, width, 1, 1}));
    level_bias_.push_back(weights(name + ".bias", {out}));
  };
  for (std::size_t l = 0; weights.has(join("step_head.level.", l, ".weight")); ++l) {
    require(l < levels.size(), weights.what(), ": the step head has more levels than the encoder's dense features, ",
            levels.size());
    const auto& [channels, stride] = levels[l];
    require(fold_ % stride == 0, weights.what(), ": the step head folds squares of ", fold_,
            " pixels, which the stride ", stride, " of its level ", l, " does not divide");
    level(join("step_head.level.", l), channels, stride);
  }
  pixels_ = weights.has("step_head.pixels.weight");
  if (pixels_) level("step_head.pixels", 3, 1);
  require(!blocks_.empty() && !level_weight_.empty(), weights.what(), ": the step head has no blocks or no levels");
  scale_ = weights("step_head.scale", {static_cast<std::int64_t>(level_weight_.size())});
  directions_ = weights("step_head.directions", {-1, -1});
}

NADA_INLINE Tensor StepHead::Convolution::operator()(const Tensor& x) const {
  return at::conv2d(x, weight, bias.to(weight.scalar_type()), 1, 1);
}

NADA_INLINE std::vector<Tensor> StepHead::operator()(const Tensor& pictures, const Tensor& step) const {
  require(pictures.dim() == 4 && pictures.size(2) % fold_ == 0 && pictures.size(3) % fold_ == 0, "pictures of shape ",
          shape_text(pictures.sizes()), ", expected [N, 3, H, W] with sides that ", fold_, " divides");
  const auto width = in_.weight.size(0);
  auto x = in_(at::pixel_unshuffle(pictures, fold_).to(in_.weight.scalar_type()));
  for (const auto& block : blocks_) {
    const auto hidden = at::silu(dense(3 * step, block.film_weight[0], block.film_bias[0]));
    const auto film = dense(hidden, block.film_weight[1], block.film_bias[1]).view({-1, 2, width, 1, 1});
    const auto y = block.first(at::silu(x)) * (1 + film.select(1, 0)) + film.select(1, 1);
    x = x + block.second(at::silu(y));
  }
  x = at::silu(x);
  std::vector<Tensor> out;
  for (std::size_t l = 0; l < levels(); ++l) {
    const auto y = at::conv2d(x, level_weight_[l], level_bias_[l].to(x.scalar_type()));
    out.push_back((shuffle_[l] > 1 ? at::pixel_shuffle(y, shuffle_[l]) : y).to(pictures.scalar_type()));
  }
  return out;
}

NADA_INLINE double StepHead::familiarity(const Tensor& step) const {
  const torch::NoGradGuard no_grad;
  return directions_.to(step.options()).matmul(unit(step).view({-1})).max().item<double>();
}

NADA_INLINE TensorMap initial_step_head(const StepHeadShape& shape, const Stream& stream) {
  TensorMap out;
  const auto normal = [&](std::vector<std::int64_t> size) {
    std::int64_t fan_in = 1;
    for (std::size_t i = 1; i < size.size(); ++i) fan_in *= size[i];
    return stream.normal(Purpose::leaves, size, 0, 2000 + out.size()) / std::sqrt(static_cast<double>(fan_in));
  };
  const auto layer = [&](const std::string& name, const std::vector<std::int64_t>& size, bool random) {
    out[name + ".weight"] = random ? normal(size) : torch::zeros(size);
    out[name + ".bias"] = torch::zeros({size[0]});
  };
  require(!shape.levels.empty() || shape.pixels, "a step head without levels and without pixels predicts nothing");
  const auto width = shape.width;
  layer("step_head.in", {width, 3 * shape.fold * shape.fold, 3, 3}, true);
  for (std::int64_t k = 0; k < shape.blocks; ++k) {
    const auto name = join("step_head.block.", k, ".");
    layer(name + "0", {width, width, 3, 3}, true);
    layer(name + "1", {width, width, 3, 3}, false);
    layer(name + "film.0", {shape.embedding, shape.embedding}, true);
    layer(name + "film.1", {2 * width, shape.embedding}, false);
  }
  for (std::size_t l = 0; l < shape.levels.size(); ++l) {
    const auto [channels, stride] = shape.levels[l];
    require(shape.fold % stride == 0, "a step head that folds squares of ", shape.fold,
            " pixels: expected a multiple of the level's stride ", stride);
    const auto shuffle = shape.fold / stride;
    layer(join("step_head.level.", l), {channels * shuffle * shuffle, width, 1, 1}, false);
  }
  if (shape.pixels) layer("step_head.pixels", {3 * shape.fold * shape.fold, width, 1, 1}, false);
  out["step_head.scale"] = torch::ones({static_cast<std::int64_t>(shape.levels.size()) + (shape.pixels ? 1 : 0)});
  out["step_head.directions"] = torch::zeros({shape.directions, shape.embedding});
  return out;
}

}  // namespace nada
