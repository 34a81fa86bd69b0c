/// Holds the adapted images near the anchor's.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// Mean absolute difference of adapted and anchor images as generated.
///     L = mean(|adapted - anchor|)                     []  >= 0
/// Source:  the L1 distance of pixels, as in Isola et al., arXiv:1611.07004, equation 3.
/// Facts:   0 for equal images; |c| where one is the other plus a constant c.
struct PixelAnchor {
  static constexpr std::string_view name = "pixels";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  Tensor operator()(const Scene& s) const { return (s.adapted_images - s.anchor_images).abs().mean(); }
};

}  // namespace nada
