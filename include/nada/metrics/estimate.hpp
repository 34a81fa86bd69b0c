/// Measured numbers with confidence intervals.
#pragma once
#include <algorithm>
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
  double offset = 0;                                          // the interval's middle less the value: 0 but for shares
  double degrees = std::numeric_limits<double>::quiet_NaN();  // of freedom of the error; infinity: a normal interval
  std::int64_t share_of = 0;                                  // above 0: the value is a share of so many, in [0, 1]

  double low() const { return share_of > 0 ? std::max(0.0, value + offset - half_width) : value + offset - half_width; }
  double high() const {
    return share_of > 0 ? std::min(1.0, value + offset + half_width) : value + offset + half_width;
  }
  bool has_interval() const { return std::isfinite(half_width); }
};

/// Returns the number that Student's t exceeds in size with probability 1 - Estimate::confidence. With infinitely many
/// `degrees` t is the normal distribution.
/// Errors:  fewer than one degree.
double t_limit(double degrees);

/// Returns the mean of independent numbers with the t-interval of their spread; the mean of one number has no interval.
Estimate mean_estimate(const std::vector<double>& numbers);

/// Returns the estimate of a share with Wilson's interval, at most [0, 1]:
///     middle = (p + t^2 / 2n) / (1 + t^2 / n)
///     half   = t / (1 + t^2 / n) sqrt(p (1 - p) / n + t^2 / 4n^2)
/// n is `count`, the number of cases that the share is of, and t the limit of the normal distribution. Where the estimate
/// brings a standard error of its own, by clusters or a jackknife, n is what that error is worth, p (1 - p) / error^2,
/// though no more than `count`, and t has the estimate's degrees of freedom.
/// Source:  Wilson, JASA 22 (1927); the number that the error is worth: Korn and Graubard, Survey Methodology 24 (1998),
///          for Wilson's interval Franco et al., J. Survey Statistics and Methodology 7 (2019).
/// Facts:   a share of 1 of n has the lower bound n / (n + t^2).
/// Errors:  a value outside of [0, 1]; no cases.
Estimate as_share(Estimate share, std::int64_t count);

/// Returns the numbers of a tensor as a list.
std::vector<double> to_numbers(const Tensor& values);
inline Estimate mean_estimate(const Tensor& numbers) { return mean_estimate(to_numbers(numbers)); }

namespace detail {
/// Returns the squared standard error of the jackknife by groups; see jackknife().
template <class Statistic>
double jackknife_variance(std::int64_t count, Statistic&& statistic, std::int64_t groups) {
  const auto all = torch::arange(count, torch::kInt64);
  std::vector<double> without;
  for (std::int64_t j = 0; j < groups; ++j) without.push_back(statistic(all.masked_select(all.remainder(groups) != j)));
  double mean = 0, squares = 0;
  for (const double x : without) mean += x / static_cast<double>(groups);
  for (const double x : without) squares += (x - mean) * (x - mean);
  return static_cast<double>(groups - 1) / static_cast<double>(groups) * squares;
}
}  // namespace detail

/// Estimates any statistic of `count` exchangeable samples, with the t-interval of the jackknife that leaves out
/// one of `groups` groups at a time:
///     error^2 = (g - 1) / g sum_j (theta_(j) - mean theta)^2,   sample i in group i mod g
/// The statistic is a function `statistic(indices [M] int64) -> double`. Fewer than two
/// samples a group give no interval.
/// Source:  Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 11.
/// Facts:   the jackknife of a mean is the mean's own interval where g = count. It measures spread, not bias: distances
///          between sets that are estimated from few samples stay biased (the tables say how many). It takes a statistic
///          for smooth: of medoids, and of shares by nearest neighbours, the error is rough.
template <class Statistic>
Estimate jackknife(std::int64_t count, Statistic&& statistic, std::int64_t groups = 10) {
  require(count >= 1, "a statistic of no samples");
  Estimate out;
  out.value = statistic(torch::arange(count, torch::kInt64));
  if (groups < 2 || count < 2 * groups) return out;
  out.error = std::sqrt(detail::jackknife_variance(count, statistic, groups));
  out.degrees = static_cast<double>(groups - 1);
  out.half_width = t_limit(out.degrees) * out.error;
  return out;
}

/// Estimates a statistic of two independent sets of `count` and `other_count` exchangeable samples. The squared error is
/// the sum of the jackknife's over either set, the other one whole, with the degrees of freedom of Satterthwaite:
///     (v + w)^2 / (v^2 / (g - 1) + w^2 / (h - 1)),   v, w the squared errors over g and h groups
/// The statistic is a function `statistic(indices, other_indices) -> double`. A set has `groups` groups, or half as many
/// as it has samples; fewer than 4 samples in a set give no interval.
/// Source:  Arvesen, Jackknifing U-statistics, Annals of Mathematical Statistics 40 (1969), for two samples;
///          Satterthwaite, Biometrics Bulletin 2 (1946).
/// Facts:   of a difference of two means, where g = count and h = other_count, the error is that of Welch's t-test.
template <class Statistic>
Estimate jackknife_of_two(std::int64_t count, std::int64_t other_count, Statistic&& statistic,
                          std::int64_t groups = 10) {
  require(count >= 1 && other_count >= 1, "a statistic of no samples");
  const auto all = torch::arange(count, torch::kInt64), others = torch::arange(other_count, torch::kInt64);
  Estimate out;
  out.value = statistic(all, others);
  const auto g = std::min(groups, count / 2), h = std::min(groups, other_count / 2);
  if (g < 2 || h < 2) return out;
  const auto v = detail::jackknife_variance(
      count, [&](const Tensor& kept) { return statistic(kept, others); }, g);
  const auto w = detail::jackknife_variance(
      other_count, [&](const Tensor& kept) { return statistic(all, kept); }, h);
  const auto parts = v * v / static_cast<double>(g - 1) + w * w / static_cast<double>(h - 1);
  out.error = std::sqrt(v + w);
  out.degrees = parts > 0 ? (v + w) * (v + w) / parts : static_cast<double>(g + h - 2);
  out.half_width = t_limit(out.degrees) * out.error;
  return out;
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/estimate.ipp"
#endif
