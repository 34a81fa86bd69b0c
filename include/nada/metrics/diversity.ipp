// Bodies of diversity.hpp.
#pragma once
#include "nada/metrics/diversity.hpp"

#include <algorithm>
#include <limits>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Tensor cosine_distances(const Tensor& unit_features) {
  auto out = (1 - unit_features.matmul(unit_features.t())).clamp_min(0);
  out.fill_diagonal_(0);
  return out;
}

NADA_INLINE Clusters k_medoids(const Tensor& distances, std::int64_t k) {
  const auto d = samples_of(distances, "k-medoids");
  const auto n = static_cast<std::size_t>(d.size(0)), wanted = static_cast<std::size_t>(k);
  require(d.size(1) == d.size(0), "k-medoids: distances of shape ", shape_text(d.sizes()), ", expected [N, N]");
  require(k >= 1 && wanted <= n, "k-medoids: ", k, " clusters of ", n, " samples");
  const double* values = d.data_ptr<double>();
  const auto distance = [&](std::size_t i, std::size_t j) { return values[i * n + j]; };
  constexpr double far = std::numeric_limits<double>::infinity();

  Clusters out;
  std::vector<double> nearest(n, far), second(n, far);
  out.membership.assign(n, 0);
  const auto assign = [&] {
    out.cost = 0;
    for (std::size_t i = 0; i < n; ++i) {
      nearest[i] = second[i] = far;
      for (std::size_t m = 0; m < out.medoids.size(); ++m) {
        const double x = distance(i, out.medoids[m]);
        if (x < nearest[i]) {
          second[i] = nearest[i];
          nearest[i] = x;
          out.membership[i] = m;
        } else {
          second[i] = std::min(second[i], x);
        }
      }
      out.cost += nearest[i];
    }
  };
  std::vector<bool> is_medoid(n, false);
  for (std::size_t m = 0; m < wanted; ++m) {
    std::size_t best = n;
    double least = far;
    for (std::size_t c = 0; c < n; ++c) {
      if (is_medoid[c]) continue;
      double cost = 0;
      for (std::size_t i = 0; i < n; ++i) cost += std::min(nearest[i], distance(i, c));
      if (cost < least) least = cost, best = c;
    }
    is_medoid[best] = true;
    out.medoids.push_back(best);
    assign();
  }
  while (true) {
    double best_change = -1e-12 * (1 + out.cost);
    std::size_t best_medoid = wanted, best_sample = n;
    std::vector<double> removal(wanted, 0.0);  // cost of doing without each medoid
    for (std::size_t i = 0; i < n; ++i)
      if (wanted > 1) removal[out.membership[i]] += second[i] - nearest[i];
    for (std::size_t c = 0; c < n; ++c) {
      if (is_medoid[c]) continue;
      double shared = 0;  // change that does not depend on which medoid goes
      auto change = removal;
      for (std::size_t i = 0; i < n; ++i) {
        const double x = distance(i, c);
        if (wanted == 1) {
          change[0] += x - nearest[i];
        } else if (x < nearest[i]) {
          shared += x - nearest[i];
          change[out.membership[i]] += nearest[i] - second[i];
        } else if (x < second[i]) {
          change[out.membership[i]] += x - second[i];
        }
      }
      for (std::size_t m = 0; m < wanted; ++m)
        if (change[m] + shared < best_change) best_change = change[m] + shared, best_medoid = m, best_sample = c;
    }
    if (best_sample == n) break;
    is_medoid[out.medoids[best_medoid]] = false;
    is_medoid[best_sample] = true;
    out.medoids[best_medoid] = best_sample;
    assign();
  }
  return out;
}

NADA_INLINE double intra_cluster_distance(const Tensor& distances, std::int64_t k) {
  const auto clusters = k_medoids(distances, std::min(k, distances.size(0)));
  const auto d = samples_of(distances, "intra-cluster distance");
  const auto n = static_cast<std::size_t>(d.size(0));
  const double* values = d.data_ptr<double>();
  double sum = 0;
  int counted = 0;
  for (std::size_t m = 0; m < clusters.medoids.size(); ++m) {
    double inside = 0;
    std::int64_t pairs = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (clusters.membership[i] == m && clusters.membership[j] == m) inside += values[i * n + j], ++pairs;
    if (pairs == 0) continue;
    sum += inside / static_cast<double>(pairs);
    ++counted;
  }
  return counted ? sum / counted : 0;
}

NADA_INLINE Estimate IntraClusterDistance::operator()(const Evidence& e) const {
  const auto d = cosine_distances(samples_of(e.adapted.unit, name, 2));
  return jackknife(d.size(0), [&](const Tensor& kept) {
    return intra_cluster_distance(d.index_select(0, kept).index_select(1, kept).contiguous(), clusters);
  });
}

NADA_INLINE Estimate PairwiseDistance::operator()(const Evidence& e) const {
  const auto d = cosine_distances(samples_of(e.adapted.unit, name, 2));
  return jackknife(d.size(0), [&](const Tensor& kept) {
    const auto n = static_cast<double>(kept.numel());
    return d.index_select(0, kept).index_select(1, kept).sum().template item<double>() / (n * (n - 1));
  });
}

}  // namespace nada
