// Bodies of comparison.hpp.
#pragma once
#include "nada/metrics/comparison.hpp"

#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Estimate nested_mean(const Groups& groups) {
  require(!groups.empty(), "the mean of no groups");
  if (groups.size() == 1) return mean_estimate(groups.front());
  std::vector<double> means;
  for (const auto& group : groups) means.push_back(mean_estimate(group).value);
  return mean_estimate(means);
}

NADA_INLINE Estimate nested_share(const Groups& shares, const Groups& counts) {
  require(shares.size() == counts.size(), "shares in ", shares.size(), " groups, counts in ", counts.size());
  double cases = 0;
  for (const auto& group : counts) cases += mean_estimate(group).value;
  return as_share(nested_mean(shares), std::llround(cases));
}

NADA_INLINE Groups paired(const Groups& a, const Groups& b) {
  require(a.size() == b.size(), "paired groups: ", a.size(), " and ", b.size());
  Groups out(a.size());
  for (std::size_t g = 0; g < a.size(); ++g) {
    require(a[g].size() == b[g].size(), "paired numbers: ", a[g].size(), " and ", b[g].size());
    for (std::size_t i = 0; i < a[g].size(); ++i) out[g].push_back(a[g][i] - b[g][i]);
  }
  return out;
}

NADA_INLINE Estimate difference_of_shares(const Groups& a, const Groups& counts_a, const Groups& b,
                                          const Groups& counts_b) {
  auto out = nested_mean(paired(a, b));
  if (out.error > 1e-12) return out;
  const auto p = nested_share(a, counts_a), q = nested_share(b, counts_b);
  const double below = std::hypot(p.value - p.low(), q.high() - q.value);
  const double above = std::hypot(p.high() - p.value, q.value - q.low());
  out.degrees = std::min(p.degrees, q.degrees);
  out.half_width = (below + above) / 2;
  out.offset = (above - below) / 2;
  out.error = out.half_width / t_limit(out.degrees);
  return out;
}

NADA_INLINE double p_value(const Estimate& e) {
  if (!e.has_interval() || !(e.degrees >= 1)) return std::numeric_limits<double>::quiet_NaN();
  if (e.error == 0) return e.value == 0 ? 1 : 0;
  const boost::math::students_t distribution(e.degrees);
  return 2 * boost::math::cdf(boost::math::complement(distribution, std::abs(e.value) / e.error));
}

NADA_INLINE std::vector<double> holm(const std::vector<double>& p_values) {
  auto out = p_values;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p_values.size(); ++i)
    if (!std::isnan(p_values[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return p_values[i] < p_values[j]; });
  double largest = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const auto left = static_cast<double>(order.size() - k);
    largest = std::max(largest, std::min(1.0, left * p_values[order[k]]));
    out[order[k]] = largest;
  }
  return out;
}

NADA_INLINE VarianceComponents variance_components(const Groups& groups) {
  require(groups.size() >= 2, "the variance between groups needs at least 2 of them, found ", groups.size());
  double count = 0, sum = 0, squared_sizes = 0, inside = 0;
  for (const auto& group : groups) {
    const auto n = static_cast<double>(group.size());
    const double mean = mean_estimate(group).value;
    count += n;
    squared_sizes += n * n;
    sum += n * mean;
    for (const double x : group) inside += (x - mean) * (x - mean);
  }
  double outside = 0;
  for (const auto& group : groups) {
    const double step = mean_estimate(group).value - sum / count;
    outside += static_cast<double>(group.size()) * step * step;
  }
  const double g = static_cast<double>(groups.size()), usual_size = (count - squared_sizes / count) / (g - 1);
  VarianceComponents out;
  if (count > g) out.within = inside / (count - g);
  out.between = std::max(0.0, (outside / (g - 1) - out.within) / usual_size);
  return out;
}

NADA_INLINE double power_of(double difference, double error, double degrees) {
  const double distance = std::abs(difference) / error;
  if (!(distance < 60)) return 1;  // seen for certain, but for less than 0.01 where degrees is 1
  const double limit = t_limit(degrees);
  const boost::math::non_central_t distribution(degrees, distance);
  return boost::math::cdf(boost::math::complement(distribution, limit)) + boost::math::cdf(distribution, -limit);
}

NADA_INLINE std::int64_t groups_needed(double difference, const VarianceComponents& variances, std::int64_t each,
                                       double power, std::int64_t most) {
  const auto enough = [&](std::int64_t groups) {
    return power_of(difference, std::sqrt(variances.of_mean(groups, each)), static_cast<double>(groups - 1)) >= power;
  };
  if (difference == 0 || !enough(most)) return 0;
  std::int64_t low = 1, high = most;  // `high` is enough, `low` is not
  while (high - low > 1) {
    const auto middle = std::midpoint(low, high);
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace nada
