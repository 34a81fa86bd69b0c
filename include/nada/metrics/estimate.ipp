// Bodies of estimate.hpp.
#pragma once
#include "nada/metrics/estimate.hpp"

#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE double t_limit(double degrees) {
  require(degrees >= 1, "a t-interval needs at least 2 numbers");
  const boost::math::students_t distribution(degrees);
  return boost::math::quantile(distribution, 0.5 + Estimate::confidence / 2);
}

NADA_INLINE Estimate mean_estimate(const std::vector<double>& numbers) {
  require(!numbers.empty(), "the mean of no numbers");
  const auto n = static_cast<double>(numbers.size());
  Estimate out;
  for (const double x : numbers) out.value += x;
  out.value /= n;  // at most 1 for shares
  if (numbers.size() == 1) return out;
  double squares = 0;
  for (const double x : numbers) squares += (x - out.value) * (x - out.value);
  out.error = std::sqrt(squares / (n - 1) / n);
  out.degrees = n - 1;
  out.half_width = t_limit(out.degrees) * out.error;
  return out;
}

NADA_INLINE Estimate as_share(Estimate share, std::int64_t count) {
  const double p = share.value, all = static_cast<double>(count);
  require(count >= 1, "a share of nothing");
  require(p >= 0 && p <= 1, "a share of ", p, ", expected one in [0, 1]");
  double n = all;
  if (!std::isfinite(share.error))
    share.degrees = std::numeric_limits<double>::infinity();
  else if (share.error > 0 && p > 0 && p < 1)
    n = std::min(all, p * (1 - p) / (share.error * share.error));
  if (!std::isfinite(share.error) || share.error == 0) share.error = std::sqrt(p * (1 - p) / all);
  const double t = t_limit(share.degrees), stretch = 1 + t * t / n;
  share.half_width = t / stretch * std::sqrt(p * (1 - p) / n + t * t / (4 * n * n));
  share.offset = (p + t * t / (2 * n)) / stretch - p;
  if (p == 0 || p == 1) share.offset = p == 0 ? share.half_width : -share.half_width;  // the same but for rounding
  share.share_of = count;
  return share;
}

NADA_INLINE std::vector<double> to_numbers(const Tensor& values) {
  const auto flat = values.detach().to(torch::kCPU, torch::kFloat64).contiguous().view(-1);
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace nada
