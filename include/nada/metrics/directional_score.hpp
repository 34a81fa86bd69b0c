/// A metric: how far images moved the way the texts move.
#pragma once
#include <string_view>

#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// DirectionalScore is the mean cosine between the images' steps and the texts' direction:
///     mean_n cos(E(adapted_n) - E(source_n), direction)    in [-1, 1]; an image that did not move counts as 0
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, equation 4, as a score.
struct DirectionalScore {
  static constexpr std::string_view name = "directional_score";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::source | Needs::direction;
  Estimate operator()(const Evidence& e) const {
    require_finite_samples(e.adapted.unit, name);
    require_finite_samples(e.source.unit, name);
    const auto step = e.adapted.unit - e.source.unit;
    const auto length = step.norm(2, 1);
    const auto cosine = (step * e.ends.direction).sum(1) / length;
    return mean_estimate(at::where(length > 1e-6, cosine, torch::zeros_like(cosine)));
  }
};

}  // namespace nada
