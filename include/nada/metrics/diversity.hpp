/// Metrics: how different a generator's images are from each other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Returns the distances 1 - cos of unit features [N, E]: [N, N], with a diagonal of 0. The functions below take any
/// other distances as well, for example those of an LPIPS network.
Tensor cosine_distances(const Tensor& unit_features);

/// Clusters are medoids with the samples that belong to them.
struct Clusters {
  std::vector<std::size_t> medoids;     // [k], places of samples
  std::vector<std::size_t> membership;  // [N], index into medoids
  double cost = 0;                      // sum of each sample's distance to its medoid
};

/// Finds k medoids by distances [N, N]: a greedy start (BUILD), then the best exchange of a medoid and another sample
/// until no exchange lowers the cost (SWAP). The result is deterministic; of equal samples the earlier one is taken.
/// Source:  Kaufman and Rousseeuw, Finding Groups in Data (1990), PAM; one exchange costs O(N^2) as in Schubert
///          and Rousseeuw, arXiv:1810.05691.
/// Errors:  k outside [1, N]; distances that are not finite.
Clusters k_medoids(const Tensor& distances, std::int64_t k);

/// Returns the mean over clusters of the mean distance between two members. Clusters of one sample do not count;
/// without any other cluster the result is 0.
double intra_cluster_distance(const Tensor& distances, std::int64_t k);

/// IntraClusterDistance is the diversity within clusters: images that copy a few modes have a mean pairwise distance,
/// but no distance inside their cluster.
/// Source:  Ojha et al., arXiv:2104.06820, and Gal et al., arXiv:2108.00946, appendix: 10 clusters, there of LPIPS
///          distances; here of 1 - cos in the measuring encoder.
/// Facts:   duplicates of as many images as clusters give 0; permutations of the samples change nothing. The jackknife
///          finds clusters anew without each group, so that its interval is rough.
struct IntraClusterDistance {
  static constexpr std::string_view name = "intra_cluster";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::nothing;
  std::int64_t clusters = 10;

  Estimate operator()(const Evidence& e) const;
};

/// PairwiseDistance is the mean distance of two different samples, 1 - cos in the measuring
/// encoder. The estimate is unbiased.
struct PairwiseDistance {
  static constexpr std::string_view name = "pairwise";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::nothing;

  Estimate operator()(const Evidence& e) const;
};

/// Returns the mean absolute difference of the values of two different images, over all pairs of the images
/// [N, C, H, W] in [-1, 1], N >= 2. In [0, 2]; 0: all images are the same.
double pixel_distance(const Tensor& images);

/// Images above which the pairs of pixel_distance() are not visited one by one: each pixel's values are sorted then, which
/// costs O(N log N) in the place of O(N^2) and differs in the last digits of float32 alone.
inline constexpr std::int64_t most_paired_images = 1000;

/// PixelDistance is pixel_distance() of the adapted images. Unlike the other metrics it needs no encoder.
struct PixelDistance {
  static constexpr std::string_view name = "pixels";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images;

  Estimate operator()(const Evidence& e) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/diversity.ipp"
#endif
