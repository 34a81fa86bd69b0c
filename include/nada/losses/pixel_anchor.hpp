/// Holds the adapted images near the anchor's images.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// Adapted images should stay near the anchor's images, as generated:
///     L = mean |adapted - anchor|                       []  >= 0
/// Source:  the L1 distance of pixels, as in Isola et al., arXiv:1611.07004, equation 3.
/// Facts:   equal images give 0; images that differ by a constant c give |c|.
struct PixelAnchor {
  static constexpr std::string_view name = "pixels";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  Tensor operator()(const Scene& s) const { return (s.adapted_images - s.anchor_images).abs().mean(); }
};

}  // namespace nada
