/// Measured numbers with confidence intervals.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Estimate is a value with the interval that holds the true value at `confidence` (0.95).
struct Estimate {
  static constexpr double confidence = 0.95;
  double value = 0;
  double error = std::numeric_limits<double>::quiet_NaN();  // standard error; NaN: unknown
  double half_width = std::numeric_limits<double>::quiet_NaN();

  double low() const { return value - half_width; }
  double high() const { return value + half_width; }
  bool has_interval() const { return std::isfinite(half_width); }
};

/// Returns the number that Student's t exceeds in size with probability 1 - Estimate::confidence.
double t_limit(std::int64_t degrees);

/// Returns the mean of independent numbers with the t-interval of their spread; the mean of one number has no interval.
Estimate mean_estimate(const std::vector<double>& numbers);

/// Returns the numbers of a tensor as a list.
std::vector<double> to_numbers(const Tensor& values);
inline Estimate mean_estimate(const Tensor& numbers) { return mean_estimate(to_numbers(numbers)); }

/// Returns the mean of a - b of paired numbers with its t-interval. An ablation compares two variants
/// on the same cells in this way.
Estimate paired_difference(const std::vector<double>& a, const std::vector<double>& b);

/// Estimates any statistic of `count` exchangeable samples, with the t-interval of the jackknife that leaves out
/// one of `groups` groups at a time:
///     error^2 = (g - 1) / g sum_j (theta_(j) - mean theta)^2,   sample i in group i mod g
/// The statistic is a function `statistic(indices [M] int64) -> double`. Fewer than two
/// samples a group give no interval.
/// Source:  Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 11.
/// Facts:   the jackknife of a mean is the mean's own interval where g = count. It measures spread, not bias: distances
///          between sets that are estimated from few samples stay biased (the tables say how many).
template <class Statistic>
Estimate jackknife(std::int64_t count, Statistic&& statistic, std::int64_t groups = 10) {
  require(count >= 1, "a statistic of no samples");
  const auto all = torch::arange(count, torch::kInt64);
  Estimate out;
  out.value = statistic(all);
  if (groups < 2 || count < 2 * groups) return out;
  std::vector<double> without;
  for (std::int64_t j = 0; j < groups; ++j) without.push_back(statistic(all.masked_select(all.remainder(groups) != j)));
  double mean = 0, squares = 0;
  for (const double x : without) mean += x / static_cast<double>(groups);
  for (const double x : without) squares += (x - mean) * (x - mean);
  const auto g = static_cast<double>(groups);
  out.error = std::sqrt((g - 1) / g * squares);
  out.half_width = t_limit(groups - 1) * out.error;
  return out;
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/estimate.ipp"
#endif
