/// A metric: KID, the kernel distance in the features of FID's Inception network.
#pragma once
#include <cstdint>
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Kid is the unbiased squared discrepancy of the adapted images and real pictures of the target under the kernel
/// (x . y / E + 1)^3, in the features that FID uses: the mean over `subsets` pairs of random subsets, of `subset_size` samples
/// each, or of as many as the smaller set has. Papers often give 1000 times this number.
/// Where both sets are as large as a subset there is one pair, of all samples. The error is the first-order one of both
/// sets as a whole; of sets with more than `most_for_interval` samples it is not known here.
/// Source:  Binkowski et al., arXiv:1801.01401; subsets as in GaParmar/clean-fid and NVIDIA's metrics: 100 of up to 1000.
/// Facts:   0 on average where both sets come from one distribution, so that it may be negative; a seed of its own draws the
///          subsets, so that the same sets give the same number.
struct Kid {
  static constexpr std::string_view name = "KID";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::adapted_pool | Needs::real_pool;
  static constexpr std::int64_t most_for_interval = 5000;
  std::int64_t subsets = 100, subset_size = 1000;

  Estimate operator()(const Evidence& e) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/kid.ipp"
#endif
