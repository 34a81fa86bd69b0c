// Bodies of style_encoder.hpp.
#pragma once
#include "nada/inversion/style_encoder.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE Tensor StyleEncoder::Layer::convolve(const Tensor& x, std::int64_t stride) const {
  return at::conv2d(x, weight, bias.to(weight.scalar_type()), stride, weight.size(2) / 2);
}

NADA_INLINE StyleEncoder::StyleEncoder(const Weights& weights, std::int64_t passes) : passes_(passes) {
  require(passes_ >= 1, weights.what(), ": a style encoder takes at least one pass, found ", passes_);
  deviation_ = weights("style_encoder.deviation", {-1});
  read_tower(weights);
  read_heads(weights);
}

NADA_INLINE void StyleEncoder::read_tower(const Weights& weights) {
  const auto layer = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    return Layer{weights(name + ".weight", {out, in, 3, 3}), weights(name + ".bias", {out})};
  };
  in_ = {weights("style_encoder.in.weight", {-1, -1, 3, 3}), {}};
  const auto folded = in_.weight.size(1);
  fold_ = std::lround(std::sqrt(static_cast<double>(folded) / 6));
  require(fold_ > 0 && 6 * fold_ * fold_ == folded, weights.what(), ": style_encoder.in.weight takes ", folded,
          " channels, expected 6 times a square");
  auto channels = in_.weight.size(0);
  in_.bias = weights("style_encoder.in.bias", {channels});
  for (std::size_t k = 0;; ++k) {
    auto& level = levels_.emplace_back();
    if (k > 0) {
      const auto name = join("style_encoder.down.", k - 1);
      const auto out = weights(name + ".weight", {-1, channels, 3, 3}).size(0);
      level.down = layer(name, out, channels);
      channels = out;
    }
    for (std::size_t b = 0; weights.has(join("style_encoder.block.", k, ".", b, ".0.weight")); ++b) {
      const auto name = join("style_encoder.block.", k, ".", b, ".");
      level.blocks.emplace_back(layer(name + "0", channels, channels), layer(name + "1", channels, channels));
    }
    if (!weights.has(join("style_encoder.down.", k, ".weight"))) break;
  }
  side_ = fold_ * (std::int64_t{4} << (levels_.size() - 1));
}

NADA_INLINE void StyleEncoder::read_heads(const Weights& weights) {
  const auto lateral = weights("style_encoder.lateral.0.weight", {-1, -1, 1, 1}).size(0);
  for (std::size_t g = 0; weights.has(join("style_encoder.lateral.", g, ".weight")); ++g) {
    require(g < levels_.size(), weights.what(), ": the style encoder has more heads than its ", levels_.size(),
            " levels");
    const auto& level = levels_[levels_.size() - 1 - g];
    const auto channels = level.down ? level.down->weight.size(0) : in_.weight.size(0);
    Head head;
    const auto name = join("style_encoder.lateral.", g), own = join("style_encoder.head.", g, ".");
    head.lateral = {weights(name + ".weight", {lateral, channels, 1, 1}), weights(name + ".bias", {lateral})};
    head.first.weight = weights(own + "0.weight", {-1, 16 * lateral});
    const auto hidden = head.first.weight.size(0);
    head.first.bias = weights(own + "0.bias", {hidden});
    head.second.weight = weights(own + "1.weight", {-1, hidden});
    const auto out = head.second.weight.size(0), width = deviation_.size(0);
    require(out % width == 0, weights.what(), ": ", own, "1.weight gives ", out, " numbers, expected a multiple of ",
            width);
    head.second.bias = weights(own + "1.bias", {out});
    styles_ += out / width;
    heads_.push_back(std::move(head));
  }
}

NADA_INLINE Tensor StyleEncoder::step(const Tensor& images, const Tensor& made) const {
  const std::vector<std::int64_t> pictures{images.size(0), 3, side_, side_};
  require(images.sizes() == pictures && made.sizes() == pictures, "pictures of shapes ", shape_text(images.sizes()),
          " and ", shape_text(made.sizes()), ", expected [N, 3, ", side_, ", ", side_, "]");
  const auto type = in_.weight.scalar_type();
  auto x = at::pixel_unshuffle(at::cat({images, made}, 1), fold_);
  x = in_.convolve(x.to(type, false, false, at::MemoryFormat::ChannelsLast));
  std::vector<Tensor> outputs;
  for (const auto& level : levels_) {
    if (level.down) x = level.down->convolve(at::silu(x), 2);
    for (const auto& [first, second] : level.blocks) x = x + second.convolve(at::silu(first.convolve(at::silu(x))));
    outputs.push_back(at::silu(x));
  }
  Tensor pyramid;
  std::vector<Tensor> found;
  for (std::size_t g = 0; g < heads_.size(); ++g) {
    const auto& head = heads_[g];
    const auto own = head.lateral.convolve(outputs[outputs.size() - 1 - g]).to(images.scalar_type());
    const auto n = own.size(0), c = own.size(1), side = own.size(2);
    if (g > 0) pyramid = pyramid.reshape({n, c, side / 2, 1, side / 2, 1}).expand({n, c, side / 2, 2, side / 2, 2});
    pyramid = g == 0 ? own : own + pyramid.reshape(own.sizes());
    const auto seen = at::silu(pyramid).reshape({n, c, 4, side / 4, 4, side / 4}).mean({3, 5}).flatten(1);
    const auto hidden = at::silu(dense(seen, head.first.weight, head.first.bias));
    const auto moved = dense(hidden, head.second.weight, head.second.bias).to(images.scalar_type());
    found.push_back(moved.view({images.size(0), -1, deviation_.size(0)}));
  }
  return at::cat(found, 1);
}

NADA_INLINE void StyleEncoderShape::check() const {
  require(channels.size() >= 1 && channels.size() <= 8, "a style encoder has 1 to 8 levels, found ", channels.size());
  for (const auto c : channels)
    require(c >= 1, "a level of the style encoder has ", c, " channels, expected 1 or more");
  const auto finest = std::int64_t{4} << (channels.size() - 1);
  require(resolution >= finest && resolution % finest == 0, "a style encoder of ", channels.size(),
          " levels begins at ", finest, " px, which the pictures' ", resolution, " px are no multiple of");
  require(blocks >= 0 && lateral >= 1 && hidden >= 1, "a style encoder of ", blocks, " blocks, ", lateral,
          " lateral channels and ", hidden, " hidden numbers: expected at least 0, 1 and 1");
  require(groups >= 1 && groups <= static_cast<std::int64_t>(channels.size()) && groups <= styles,
          "a style encoder of ", groups, " groups: expected from 1 to ",
          std::min<std::int64_t>(static_cast<std::int64_t>(channels.size()), styles));
}

NADA_INLINE TensorMap initial_style_encoder(const StyleEncoderShape& shape, const Stream& stream) {
  shape.check();
  TensorMap out;
  const auto layer = [&](const std::string& name, const std::vector<std::int64_t>& size, bool random) {
    std::int64_t fan_in = 1;
    for (std::size_t i = 1; i < size.size(); ++i) fan_in *= size[i];
    const auto& own = out["style_encoder." + name + ".weight"] =
        random ? stream.normal(Purpose::leaves, size, 0, 3000 + out.size()) / std::sqrt(static_cast<double>(fan_in))
               : torch::zeros(size);
    out["style_encoder." + name + ".bias"] = torch::zeros({own.size(0)});
  };
  const auto levels = static_cast<std::int64_t>(shape.channels.size());
  const auto fold = shape.resolution / (std::int64_t{4} << (levels - 1));
  const auto at = [&](std::int64_t k) { return shape.channels[static_cast<std::size_t>(k)]; };
  layer("in", {at(0), 6 * fold * fold, 3, 3}, true);
  for (std::int64_t k = 0; k < levels; ++k) {
    if (k > 0) layer(join("down.", k - 1), {at(k), at(k - 1), 3, 3}, true);
    for (std::int64_t b = 0; b < shape.blocks; ++b) {
      layer(join("block.", k, ".", b, ".0"), {at(k), at(k), 3, 3}, true);
      layer(join("block.", k, ".", b, ".1"), {at(k), at(k), 3, 3}, false);
    }
  }
  for (std::int64_t g = 0; g < shape.groups; ++g) {
    const auto first = shape.styles * g / shape.groups, last = shape.styles * (g + 1) / shape.groups;
    layer(join("lateral.", g), {shape.lateral, at(levels - 1 - g), 1, 1}, true);
    layer(join("head.", g, ".0"), {shape.hidden, 16 * shape.lateral}, true);
    layer(join("head.", g, ".1"), {(last - first) * shape.style_size, shape.hidden}, false);
  }
  out["style_encoder.deviation"] = torch::ones({shape.style_size});
  return out;
}

}  // namespace nada
