/// Keeps each image as far from its anchor as the texts are from each other.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Manifold is the official code's manifold (angle) loss:
///     L = mean_n |E(adapted_n) . E(anchor_n) - target . source|         []  in [0, 2]
/// Source:  rinongal/StyleGAN-nada, ZSSGAN/criteria/clip_loss.py, clip_angle_loss; that function compares the cosines,
///          though it also computes the angles.
/// Facts:   L is 0 where an image moved as far as the texts are apart, in any direction; equal
///          images give 1 - target . source.
struct Manifold {
  static constexpr std::string_view name = "manifold";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;

  template <TextImageEncoder E>
  auto bind(const E&, const auto& /*shift*/, const Endpoints& ends) const {
    return [between = (ends.target * ends.source).sum()](auto& c) -> Tensor {
      return ((c.adapted().unit * c.anchor().unit).sum(1) - between).abs().mean();
    };
  }
};

}  // namespace nada
