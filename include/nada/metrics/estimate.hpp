/// Measured numbers with confidence intervals.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <boost/math/distributions/students_t.hpp>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// A value and the interval that holds the true one at `confidence` (0.95).
struct Estimate {
  static constexpr double confidence = 0.95;
  double value = 0;
  double error = std::numeric_limits<double>::quiet_NaN();  // standard error; NaN: not known
  double half_width = std::numeric_limits<double>::quiet_NaN();

  double low() const { return value - half_width; }
  double high() const { return value + half_width; }
  bool has_interval() const { return std::isfinite(half_width); }
};

/// The number that Student's t exceeds in size with probability 1 - Estimate::confidence.
inline double t_limit(std::int64_t degrees) {
  require(degrees >= 1, "a t-interval needs at least 2 numbers");
  const boost::math::students_t distribution(static_cast<double>(degrees));
  return boost::math::quantile(distribution, 0.5 + Estimate::confidence / 2);
}

/// Mean of independent numbers with the t-interval of their spread; of one number: without interval.
inline Estimate mean_estimate(const std::vector<double>& numbers) {
  require(!numbers.empty(), "the mean of no numbers");
  const auto n = static_cast<double>(numbers.size());
  Estimate out;
  for (const double x : numbers) out.value += x / n;
  if (numbers.size() == 1) return out;
  double squares = 0;
  for (const double x : numbers) squares += (x - out.value) * (x - out.value);
  out.error = std::sqrt(squares / (n - 1) / n);
  out.half_width = t_limit(static_cast<std::int64_t>(numbers.size()) - 1) * out.error;
  return out;
}

/// Numbers of a tensor as a list.
inline std::vector<double> to_numbers(const Tensor& values) {
  const auto flat = values.detach().to(torch::kCPU, torch::kFloat64).contiguous().view(-1);
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}
inline Estimate mean_estimate(const Tensor& numbers) { return mean_estimate(to_numbers(numbers)); }

/// Mean of a - b of paired numbers with its t-interval: what an ablation says of two variants on the same cells.
inline Estimate paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  require(a.size() == b.size(), "paired numbers: ", a.size(), " and ", b.size());
  std::vector<double> difference;
  for (std::size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return mean_estimate(difference);
}

/// Any statistic of `count` exchangeable samples, with the t-interval of the jackknife that leaves out one of `groups`
/// groups at a time:
///     error^2 = (g - 1) / g sum_j (theta_(j) - mean theta)^2,   sample i in group i mod g
/// Source:  Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 11.
/// Facts:   of a mean it is the mean's own interval where g = count. It measures spread, not bias: distances between
///          sets that are estimated from few samples stay biased (the tables say how many).
/// `statistic(indices [M] int64) -> double`. Fewer than two samples a group: no interval.
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
