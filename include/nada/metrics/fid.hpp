/// A metric: FID, the Frechet distance in the features of FID's Inception network.
#pragma once
#include <cstdint>
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Fid is the Frechet distance of the adapted images to real pictures of the target, in the 2048 means of Inception-v3
/// (encoders/inception.hpp). The jackknife over both sets gives the interval, where either has at most
/// `most_for_interval` samples; of larger sets it would take minutes.
/// Source:  Heusel et al., arXiv:1706.08500. Published numbers are of 50,000 samples, of 5,000 in few-shot work: fewer give
///          larger distances.
struct Fid {
  static constexpr std::string_view name = "FID";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::adapted_pool | Needs::real_pool;
  static constexpr std::int64_t most_for_interval = 1000;

  Estimate operator()(const Evidence& e) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/fid.ipp"
#endif
