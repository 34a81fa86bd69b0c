/// Image steps should spread as the steps to variants of the text do.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// Mean and covariance of the image steps should be those of the text steps:
///     t_k = unit(E(target_k) - E(source_k)), k over templates and over the target and its `variants`       [T, E]
///     e_n = dI_n / max(|dI_n|, min_length)                                                                 [N, E]
///     L   = |mean e - mean t|^2 + covariance |cov e - cov t|_F^2,  covariances over N and T                []
/// Source:  after the directional moment loss of Jeon et al., Improving Diversity in Zero-Shot GAN Adaptation with
///          Semantic Variations, arXiv:2308.10554. The paper finds the variations by optimisation; here they are texts.
/// Facts:   L is 0 where the steps are the text steps; one common step t_0 gives |t_0 -
///          mean t|^2 + covariance |cov t|^2.
/// Errors:  a shift that has no texts (when compiled).
struct Moment {
  static constexpr std::string_view name = "moment";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = false;
  std::vector<std::string> variants = {};  // further target texts
  double covariance = 1, min_length = 0.2;

  /// Returns the text steps [T, E] at unit length.
  template <TextImageEncoder E, class S>
  Tensor text_steps(const E& encoder, const S& shift) const {
    const torch::NoGradGuard no_grad;
    const auto read = [&](std::string_view text) { return read_under(encoder, shift.templates(), text); };
    const auto source = read(shift.source());
    std::vector<Tensor> steps{read(shift.target()) - source};
    for (const auto& variant : variants) steps.push_back(read(variant) - source);
    const auto all = torch::cat(steps);
    return all / all.norm(2, 1, true).clamp_min(1e-6);
  }

  /// Returns mean [E] and covariance [E, E] of the rows of x [N, E].
  static std::pair<Tensor, Tensor> moments(const Tensor& x) {
    const auto mean = x.mean(0);
    const auto centred = x - mean;
    return {mean, centred.t().matmul(centred) / static_cast<double>(x.size(0))};
  }

  template <TextImageEncoder E, class S>
  auto bind(const E& encoder, const S& shift, const Endpoints&) const {
    static_assert(TextualShift<S>, "Moment: makes texts of its own, so the shift must be textual: TextShift");
    const auto wanted = moments(text_steps(encoder, shift));
    return [mean = wanted.first, spread = wanted.second, weight = covariance, floor = min_length](auto& c) -> Tensor {
      const auto step = c.adapted().unit - c.anchor().unit;
      const auto own = moments(step / step.norm(2, 1, true).clamp_min(floor));
      return (own.first - mean).square().sum() + weight * (own.second - spread).square().sum();
    };
  }
};

}  // namespace nada
