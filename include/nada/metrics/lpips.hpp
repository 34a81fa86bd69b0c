/// Metrics: LPIPS between images before and after adaptation, and inside of clusters of the adapted ones.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// LpipsToSource is the mean LPIPS of each sample before and after adaptation.
/// Source:  Zhang et al., arXiv:1801.03924.
struct LpipsToSource {
  static constexpr std::string_view name = "LPIPS";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::adapted_images | Needs::source_images;
  AnyFeatureExtractor features;  // squared distances are LPIPS

  Estimate operator()(const Evidence& e) const;
};

/// IntraClusterLpips is the mean over clusters of the mean LPIPS of two samples of one cluster. Clusters are those of `clusters`
/// medoids of the samples, or, where there are `centres`, of the samples that each of these pictures is the nearest to. Clusters of
/// one sample do not count.
/// Source:  Ojha et al., arXiv:2104.06820 (CDC; the centres are the few training pictures), and Gal et al., arXiv:2108.00946,
///          appendix (k-medoids).
struct IntraClusterLpips {
  static constexpr std::string_view name = "intra_LPIPS";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images;
  AnyFeatureExtractor features;  // squared distances are LPIPS
  std::int64_t clusters = 10;
  std::function<Tensor(std::int64_t side)> centres = {};  // gives pictures [C, 3, side, side]

  Estimate operator()(const Evidence& e) const;
};

/// Returns which of `centres` [C, 3, H, W] each of the images [N, 3, H, W] is the nearest to by its features, [N] int64.
Tensor nearest_centres(const Tensor& images, const Tensor& centres, const AnyFeatureExtractor& features);

/// Returns the mean over clusters of the mean of distances [N, N] between two members, `membership` [N] int64 in [0, clusters).
/// Clusters of one sample do not count; without any other cluster the result is 0.
double mean_within_clusters(const Tensor& distances, const Tensor& membership, std::int64_t clusters);

/// Returns the squared distances of the features of images [N, 3, H, W] to one another, [N, N], float64 on the processor. Features
/// of at most `most_numbers` numbers are kept at once; where all images have more, they are seen several times.
Tensor feature_distances(const Tensor& images, const AnyFeatureExtractor& features,
                         std::int64_t most_numbers = std::int64_t{1} << 28);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/lpips.ipp"
#endif
