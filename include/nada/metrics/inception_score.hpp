/// A metric: the Inception score.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// InceptionScore is exp(mean_n KL(p(. | adapted_n) || mean of p)) of the class probabilities p of FID's Inception network, whose
/// classifier `fc` is used without its bias, as the first implementation did. It is the mean over ten parts of the samples in
/// their order, whose spread gives the interval; fewer than 20 samples are one part.
/// Source:  Salimans et al., Improved Techniques for Training GANs, arXiv:1606.03498.
/// Facts:   in [1, C] of C classes: 1 where all images look alike, C where each part shows each class, once and surely.
struct InceptionScore {
  static constexpr std::string_view name = "IS";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_logits;
  std::int64_t parts = 10;

  Estimate operator()(const Evidence& e) const {
    const auto logs = samples_of(e.adapted_logits, name, 1).log_softmax(1);
    const auto n = logs.size(0), count = n >= 2 * parts ? parts : std::int64_t{1};
    std::vector<double> scores;
    for (std::int64_t k = 0; k < count; ++k) {
      const auto part = logs.slice(0, k * n / count, (k + 1) * n / count);
      const auto p = part.exp();
      const auto whole = p.mean(0, true).clamp_min(1e-300).log();
      scores.push_back((p * (part - whole)).sum(1).mean().exp().item<double>());
    }
    return mean_estimate(scores);
  }
};

}  // namespace nada
