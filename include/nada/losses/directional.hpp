/// The directional term of StyleGAN-NADA.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// StepDistance says how the image's step is compared with the direction.
enum class StepDistance { cosine, l1, l2 };

/// The image should move the way the text moves.
///     dI = E(adapted) - E(anchor)                                     [N, E]  the gradient reaches `adapted` only
///     e  = dI / max(|dI|, min_length)                                 [N, E]
///     L  = mean_n (1 - e_n . direction)                               []  in [0, 2]
/// L is 0 for a step in the direction, 1 for an orthogonal step, 2 for the opposite step. With `distance` l1 or l2 the
/// step is compared number by number, as the official code offers (direction_loss_type mae, mse):
///     L  = mean_{n,e} |e_n - direction|  or  mean_{n,e} (e_n - direction)^2
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, equation 4; the equation has no
///          floor: min_length = 0 reproduces it.
/// Facts:   swapping the endpoints turns L into 2 - L; equal images give 1 and a gradient of size 1 / min_length. With
///          `offset_if_identical` > 0, in a batch whose steps sum to 0, adapted + offset is encoded in the place of
///          adapted (the official code's offset is 1e-6).
/// Why:     at the first step both images agree; without the floor the gradient explodes and Adam then stands still.
/// Errors:  none of its own; a shift whose endpoints agree is refused where the shift is made, naming both texts.
struct Directional {
  static constexpr std::string_view name = "directional";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  double min_length = 0.2;         // smallest |dI| that is divided by, in unit features
  double offset_if_identical = 0;  // in units of the images; 0: no offset
  StepDistance distance = StepDistance::cosine;

  template <TextImageEncoder E>
  auto bind(const E&, const auto& /*shift*/, const Endpoints& ends) const {
    return [direction = ends.direction, floor = min_length, offset = offset_if_identical,
            distance = distance](auto& c) -> Tensor {
      auto step = c.adapted().unit - c.anchor().unit;  // [N, E]
      if (offset > 0 && step.sum().template item<double>() == 0)
        step = c.encoder().see(c.adapted_views() + offset, Wanted{}).unit - c.anchor().unit;
      const auto length = step.norm(2, /*dim=*/1, /*keepdim=*/true).clamp_min(floor);  // [N, 1]
      const auto e = step / length;                                                    // [N, E]
      if (distance == StepDistance::l1) return (e - direction).abs().mean();
      if (distance == StepDistance::l2) return (e - direction).square().mean();
      return (1 - (e * direction).sum(1)).mean();  // []
    };
  }
};

}  // namespace nada
