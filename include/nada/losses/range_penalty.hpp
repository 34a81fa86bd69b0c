/// Keeps pixels inside the range that pictures can show.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// Mean squared excess of pixels outside [-1, 1], of images as generated: encoders see clamped images and would not
/// feel it.
///     L = mean((x - clamp(x, -1, 1))^2)                []  >= 0
/// Source:  ours.
/// Facts:   0 with gradient 0 for images inside the range; (v - 1)^2 for a constant image of value v > 1.
struct RangePenalty {
  static constexpr std::string_view name = "range";
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  Tensor operator()(const Scene& s) const { return (s.adapted_images - s.adapted_images.clamp(-1, 1)).square().mean(); }
};

}  // namespace nada
