/// A metric: whether samples that were different stay different, and samples that were alike stay alike.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Identity compares how an image differs from the mean, before and after adaptation:
///     mean_n cos(E(adapted_n) - mean E(adapted), E(source_n) - mean E(source))      in [-1, 1]
/// Facts:   images whose features all moved by one vector give 1; samples that became one image or that were
///          exchanged at random give 0. Subtracting the means removes the shift itself, which a plain cosine
///          would count as loss of identity.
/// Why:     the literature uses face recognition networks, which do not know drawings.
struct Identity {
  static constexpr std::string_view name = "identity";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::source;

  Estimate operator()(const Evidence& e) const {
    const auto own = [](const Tensor& features) {
      const auto x = samples_of(features, name, 2);
      return x - x.mean(0, true);
    };
    const auto a = own(e.adapted.unit), s = own(e.source.unit);
    const auto la = a.norm(2, 1), ls = s.norm(2, 1);
    const auto cosine = (a * s).sum(1) / (la * ls);
    const auto particular = (la > 1e-5).logical_and(ls > 1e-5);  // else rounding would be compared
    return mean_estimate(at::where(particular, cosine, torch::zeros_like(cosine)));
  }
};

}  // namespace nada
