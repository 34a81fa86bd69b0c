/// Metrics: how many generated images look real, and how many real pictures a generator can make.
#pragma once
#include <cstdint>
#include <string_view>
#include <tuple>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Returns the share of `points` [N, E] inside the manifold of `support` [M, E]. A point is inside if
/// its distance to some support point is at most that support point's distance to its k-th neighbour in
/// the support (itself not counted).
/// Source:  Kynkaanniemi et al., Improved Precision and Recall Metric, arXiv:1904.06991, equations 1 and 2; k = 3.
/// Facts:   the share is 1 where every point is in the support, and 0 for points far away; permutations change nothing.
/// Errors:  a support of k points or fewer; values that are not finite.
inline double share_inside(const Tensor& points, const Tensor& support, std::int64_t k = 3) {
  const auto p = samples_of(points, "precision and recall"), s = samples_of(support, "precision and recall", k + 1);
  const auto distances = [](const Tensor& a, const Tensor& b) {
    return at::cdist(a, b, 2.0, /*compute_mode=*/2);  // 2: no matrix product, which would lose digits
  };
  const auto radius = std::get<0>(distances(s, s).kthvalue(k + 1, 1));  // [M]; the first is the point itself
  return (distances(p, s) <= radius.unsqueeze(0)).any(1).to(torch::kFloat64).mean().template item<double>();
}

/// Precision is the share of the adapted images inside the manifold of the real pictures.
struct Precision {
  static constexpr std::string_view name = "precision";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::real;
  std::int64_t neighbours = 3;
  Estimate operator()(const Evidence& e) const {
    const auto x = samples_of(e.adapted.raw, name), y = samples_of(e.real.raw, name, neighbours + 1);
    return jackknife(x.size(0),
                     [&](const Tensor& kept) { return share_inside(x.index_select(0, kept), y, neighbours); });
  }
};

/// Recall is the share of the real pictures inside the manifold of the adapted images.
struct Recall {
  static constexpr std::string_view name = "recall";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::real;
  std::int64_t neighbours = 3;
  Estimate operator()(const Evidence& e) const {
    const auto x = samples_of(e.adapted.raw, name, neighbours + 1), y = samples_of(e.real.raw, name);
    return jackknife(x.size(0),
                     [&](const Tensor& kept) { return share_inside(y, x.index_select(0, kept), neighbours); });
  }
};

}  // namespace nada
