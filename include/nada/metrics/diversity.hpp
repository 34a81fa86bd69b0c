/// How different a generator's images are from each other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// 1 - cos of unit features [N, E]: [N, N], diagonal 0. Where LPIPS networks are at hand, their distances serve as
/// well.
Tensor cosine_distances(const Tensor& unit_features);

/// Medoids and what belongs to them.
struct Clusters {
  std::vector<std::size_t> medoids;     // [k], places of samples
  std::vector<std::size_t> membership;  // [N], index into medoids
  double cost = 0;                      // sum of the distances to the own medoid
};

/// k-medoids of distances [N, N]: greedy start (BUILD), then the best exchange of a medoid and another sample until
/// none lowers the cost (SWAP). Deterministic; ties go to the earlier sample.
/// Source: Kaufman and Rousseeuw, Finding Groups in Data (1990), PAM; one exchange costs O(N^2) as in Schubert and
/// Rousseeuw, arXiv:1810.05691. Errors: k outside [1, N]; distances that are not finite.
Clusters k_medoids(const Tensor& distances, std::int64_t k);

/// Mean over clusters of the mean distance between two members; clusters of one sample do not count. 0 where all do
/// not.
double intra_cluster_distance(const Tensor& distances, std::int64_t k);

/// Diversity within clusters: images that copy a few modes have a mean pairwise distance but none inside their cluster.
/// Source:  Ojha et al., arXiv:2104.06820, and Gal et al., arXiv:2108.00946, appendix: 10 clusters, there of LPIPS
///          distances; here of 1 - cos in the measuring encoder.
/// Facts:   0 for duplicates of as many images as clusters; permutations of the samples change nothing.
struct IntraClusterDistance {
  static constexpr std::string_view name = "intra_cluster";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::nothing;
  std::int64_t clusters = 10;

  Estimate operator()(const Evidence& e) const;
};

/// Mean distance of two different samples, 1 - cos in the measuring encoder; unbiased.
struct PairwiseDistance {
  static constexpr std::string_view name = "pairwise";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::nothing;

  Estimate operator()(const Evidence& e) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/diversity.ipp"
#endif
