/// Keeps pixels inside the range that pictures can show.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// Pixels of generated images should stay inside [-1, 1]:
///     L = mean((x - clamp(x, -1, 1))^2)                 []  >= 0
/// Source:  ours.
/// Facts:   images inside the range give 0 with gradient 0; a constant image of value v > 1 gives (v - 1)^2.
/// Why:     encoders see clamped images, so their terms have no gradient outside the range.
struct RangePenalty {
  static constexpr std::string_view name = "range";
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  Tensor operator()(const Scene& s) const { return (s.adapted_images - s.adapted_images.clamp(-1, 1)).square().mean(); }
};

}  // namespace nada
