// Bodies of kid.hpp.
#pragma once
#include "nada/metrics/kid.hpp"

#include <algorithm>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/metrics/kernel_distance.hpp"

namespace nada {

NADA_INLINE Estimate Kid::operator()(const Evidence& e) const {
  const auto x = samples_of(e.adapted_pool, name, 2), y = samples_of(e.real_pool, name, 2);
  const auto n = x.size(0), m = y.size(0), size = std::min({n, m, subset_size});
  require(subsets >= 1 && subset_size >= 2, name, ": expected a subset or more, of 2 samples or more");
  Estimate out;
  if (std::max(n, m) <= most_for_interval) out = kernel_distance(x, y, CubicKernel{});
  if (n == size && m == size) return out;
  const auto chosen = [&](const Tensor& samples, std::int64_t subset, std::uint64_t which) {
    const auto draws = Stream{0, subset}.uniform(Purpose::evaluation, {1, samples.size(0)}, 0, which)[0];
    return samples.index_select(0, draws.argsort().narrow(0, 0, size));
  };
  out.value = 0;
  for (std::int64_t s = 0; s < subsets; ++s)
    out.value += kernel_distance(chosen(x, s, 0), chosen(y, s, 1), CubicKernel{}).value / static_cast<double>(subsets);
  return out;
}

}  // namespace nada
