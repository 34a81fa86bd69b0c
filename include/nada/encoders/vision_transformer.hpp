/// CLIP's image tower as a vision transformer.
/// Source:  Radford et al., arXiv:2103.00020, section 2.4; Dosovitskiy et al., arXiv:2010.11929.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

class VisionTransformer {
 public:
  static constexpr std::string_view name = "vision transformer";

  /// Takes tensors with OpenAI's names, `visual.*`; `heads` 0 means width / 64.
  VisionTransformer(const Weights& weights, std::int64_t heads, Gelu kind) {
    class_embedding_ = weights("visual.class_embedding", {-1});
    const auto width = class_embedding_.size(0);
    patches_ = weights("visual.conv1.weight", {width, 3, -1, -1});
    require(patches_.size(2) == patches_.size(3), weights.what(), ": patches of ", shape_text(patches_.sizes()),
            " are not square");
    positions_ = weights("visual.positional_embedding", {-1, width});
    grid_ = std::lround(std::sqrt(static_cast<double>(positions_.size(0) - 1)));
    require(grid_ > 0 && grid_ * grid_ + 1 == positions_.size(0), weights.what(), ": ", positions_.size(0),
            " positions are not a square grid and a class token");
    ln_pre_ = LayerNorm(weights, "visual.ln_pre", width);
    ln_post_ = LayerNorm(weights, "visual.ln_post", width);
    transformer_ = Transformer(weights, "visual.transformer", width, heads, kind);
    projection_ = weights("visual.proj", {width, -1});
  }

  std::int64_t resolution() const { return grid_ * patches_.size(2); }
  std::int64_t width() const { return projection_.size(1); }
  std::size_t depth() const { return transformer_.depth(); }

  /// Encodes normalised images [N, 3, R, R] to {embeddings [N, E], patch tokens [N, T, C] after the last norm if
  /// wanted}. `tap(name, value)` is called with "ln_pre", "block<i>" [N, 1 + T, C] and "ln_post" [N, C].
  template <class Tap>
  std::pair<Tensor, Tensor> operator()(const Tensor& images, bool tokens, Tap&& tap) const {
    const auto n = images.size(0), width = class_embedding_.size(0), patch = patches_.size(2);
    // The patches do not overlap: a convolution with this stride is one matrix product.
    const auto pieces =
        images.reshape({n, 3, grid_, patch, grid_, patch}).permute({0, 2, 4, 1, 3, 5}).reshape({n, grid_ * grid_, -1});
    const auto embedded = at::matmul(pieces.to(patches_.scalar_type()), patches_.view({width, -1}).t());
    auto x = at::cat({class_embedding_.expand({n, 1, width}), embedded}, 1) + positions_;
    x = ln_pre_(x);
    tap(std::string("ln_pre"), x);
    x = transformer_(x, {}, [&](std::size_t i, const Tensor& value) { tap("block" + std::to_string(i), value); });
    const auto last = ln_post_(x.select(1, 0));
    tap(std::string("ln_post"), last);
    return {last.matmul(projection_), tokens ? ln_post_(x.narrow(1, 1, grid_ * grid_)) : Tensor{}};
  }

 private:
  Tensor class_embedding_, patches_, positions_, projection_;
  LayerNorm ln_pre_, ln_post_;
  Transformer transformer_;
  std::int64_t grid_ = 0;
};

}  // namespace nada
