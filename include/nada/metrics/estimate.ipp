// Bodies of estimate.hpp.
#pragma once
#include "nada/metrics/estimate.hpp"

#include <boost/math/distributions/students_t.hpp>

#include <cstddef>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE double t_limit(std::int64_t degrees) {
  require(degrees >= 1, "a t-interval needs at least 2 numbers");
  const boost::math::students_t distribution(static_cast<double>(degrees));
  return boost::math::quantile(distribution, 0.5 + Estimate::confidence / 2);
}

NADA_INLINE Estimate mean_estimate(const std::vector<double>& numbers) {
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

NADA_INLINE std::vector<double> to_numbers(const Tensor& values) {
  const auto flat = values.detach().to(torch::kCPU, torch::kFloat64).contiguous().view(-1);
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

NADA_INLINE Estimate paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  require(a.size() == b.size(), "paired numbers: ", a.size(), " and ", b.size());
  std::vector<double> difference;
  for (std::size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return mean_estimate(difference);
}

}  // namespace nada
