// Bodies of fid.hpp.
#pragma once
#include "nada/metrics/fid.hpp"

#include <algorithm>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE Estimate Fid::operator()(const Evidence& e) const {
  const auto x = samples_of(e.adapted_pool, name, 2), y = samples_of(e.real_pool, name, 2);
  const auto fewer = std::min(x.size(0), y.size(0));
  if (fewer > most_for_interval) {
    Estimate out;
    out.value = fewer < x.size(1) ? frechet_distance_by_samples(x, y) : frechet_distance(x, y);
    return out;
  }
  return jackknife_of_two(x.size(0), y.size(0), [&](const Tensor& kept, const Tensor& kept_reals) {
    return frechet_distance_by_samples(x.index_select(0, kept), y.index_select(0, kept_reals));
  });
}

}  // namespace nada
