/// The global CLIP term.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Each image should look like the target text.
///     L = mean_n (1 - s cos(E(adapted_n), target))      []  in [0, 2] for s = 1
/// The factor s is 1, or with `scaled` exp(logit_scale) / 100 as in the official code. That factor is 1 for a trained
/// CLIP, whose scale is clipped at 100.
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, equation 1; Patashnik et al., StyleCLIP, arXiv:2103.17249.
/// Facts:   an image whose feature is the target gives 1 - s. The term does not read the anchor, so the
///          anchor's generator is not run for it.
struct Global {
  static constexpr std::string_view name = "global";
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  bool scaled = false;

  template <TextImageEncoder E>
  auto bind(const E& encoder, const auto& /*shift*/, const Endpoints& ends) const {
    return [target = ends.target, s = scaled ? encoder.score_scale() / 100 : 1.0](auto& c) -> Tensor {
      return (1 - s * (c.adapted().unit * target).sum(1)).mean();
    };
  }
};

}  // namespace nada
