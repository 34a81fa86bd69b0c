/// Metrics: how near images are to texts.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// TextScore is the mean cosine between images and the target text:
///     mean_n cos(E(adapted_n), target)                     in [-1, 1]
/// Source:  Hessel et al., CLIPScore, arXiv:2104.08718 (without its factor 2.5 and without cutting off below 0).
struct TextScore {
  static constexpr std::string_view name = "text_score";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::target;
  Estimate operator()(const Evidence& e) const {
    require_finite_samples(e.adapted.unit, name);
    return mean_estimate((e.adapted.unit * e.ends.target).sum(1));
  }
};

/// Found is the share of samples, in [0, 1], whose nearest text among the evidence's `texts` is the wanted one. The
/// interval is Wilson's.
struct Found {
  static constexpr std::string_view name = "found";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::texts;
  Estimate operator()(const Evidence& e) const {
    require_finite_samples(e.adapted.unit, name);
    const auto hits = (e.adapted.unit.matmul(e.texts.t()).argmax(1) == e.wanted).to(torch::kFloat64);
    Estimate share;
    share.value = hits.mean().item<double>();
    return as_share(share, hits.size(0));
  }
};

}  // namespace nada
