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

namespace detail {
/// Estimates share_inside() with Wilson's interval, whose number of points is what the jackknife's error over both sets
/// is worth. Both sets are float64.
inline Estimate estimate_inside(const Tensor& points, const Tensor& support, std::int64_t k) {
  // A group left out is at most half of the support, which must keep k + 1 samples
  const std::int64_t groups = support.size(0) >= 2 * (k + 1) ? 10 : 0;
  const auto share = jackknife_of_two(
      points.size(0), support.size(0),
      [&](const Tensor& kept, const Tensor& kept_support) {
        return share_inside(points.index_select(0, kept), support.index_select(0, kept_support), k);
      },
      groups);
  return as_share(share, points.size(0));
}
}  // namespace detail

/// Precision is the share of the adapted images inside the manifold of the real pictures.
struct Precision {
  static constexpr std::string_view name = "precision";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::real;
  std::int64_t neighbours = 3;
  Estimate operator()(const Evidence& e) const {
    return detail::estimate_inside(samples_of(e.adapted.raw, name), samples_of(e.real.raw, name, neighbours + 1),
                                   neighbours);
  }
};

/// Recall is the share of the real pictures inside the manifold of the adapted images.
struct Recall {
  static constexpr std::string_view name = "recall";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::real;
  std::int64_t neighbours = 3;
  Estimate operator()(const Evidence& e) const {
    return detail::estimate_inside(samples_of(e.real.raw, name), samples_of(e.adapted.raw, name, neighbours + 1),
                                   neighbours);
  }
};

}  // namespace nada
