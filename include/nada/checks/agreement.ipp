// Bodies of agreement.hpp.
#pragma once
#include "nada/checks/agreement.hpp"

#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/stream.hpp"

namespace nada::checks {

NADA_INLINE Tensor random(torch::IntArrayRef shape, std::uint64_t seed) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return Stream{seed}.normal(Purpose::evaluation, {1, count}).to(torch::kFloat64).view(shape);
}

NADA_INLINE Tensor random_images(std::int64_t count, std::int64_t pixels, std::uint64_t seed) {
  const auto spots = at::upsample_nearest2d(random({count, 3, 6, 6}, 2 * seed), {pixels, pixels});
  return (0.8 * spots + 0.2 * random({count, 3, pixels, pixels}, 2 * seed + 1)).tanh();
}

NADA_INLINE bool same_bits(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && at::equal(a, b);
}

NADA_INLINE double largest_difference(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined() || a.sizes() != b.sizes()) return std::numeric_limits<double>::infinity();
  if (a.numel() == 0) return 0;
  const auto worst = (a.detach().to(torch::kFloat64) - b.detach().to(torch::kFloat64)).abs().max().item<double>();
  return std::isfinite(worst) ? worst : std::numeric_limits<double>::infinity();
}

NADA_INLINE bool is_finite(const Tensor& x) { return x.isfinite().all().item<bool>(); }

NADA_INLINE void require_gradient(const std::string& what, const std::function<Tensor(const Tensor&)>& f,
                                  const Tensor& x) {
  const auto point = x.detach().clone();
  const auto leaf = point.clone().requires_grad_(true);
  const auto value = f(leaf);
  require(value.requires_grad(), what, " is not there: the value carries no graph (was it detached?)");
  const auto gradient = torch::autograd::grad({value}, {leaf}, {}, /*retain_graph=*/false, /*create_graph=*/false,
                                              /*allow_unused=*/true)[0];
  require(gradient.defined(), what, " is not there: the graph of the value does not reach it");
  require(is_finite(gradient), what, " is not finite");
  const bool precise = value.scalar_type() == torch::kFloat64 && point.scalar_type() == torch::kFloat64;
  const std::vector<double> sizes =
      precise ? std::vector<double>{1e-4, 1e-5, 1e-6, 1e-7} : std::vector<double>{3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4};
  const double length = gradient.to(torch::kFloat64).norm().item<double>();
  const torch::NoGradGuard no_grad;
  for (std::uint64_t i = 0; i < 4; ++i) {
    if (i == 0 && length == 0) continue;
    const double tolerance = precise ? 1e-4 : i == 0 ? 1e-2 : 1e-1;  // float32 has few digits of a small difference
    const auto along = i > 0 ? random(point.sizes(), 1000 + i)
                             : gradient.to(torch::kFloat64) * std::sqrt(static_cast<double>(point.numel())) / length;
    const double wanted = (gradient.to(torch::kFloat64) * along).sum().item<double>();
    double best = std::numeric_limits<double>::infinity(), found = 0;
    for (const double h : sizes) {
      const auto step = (h * along).to(point.options());
      const double difference = (f(point + step).item<double>() - f(point - step).item<double>()) / (2 * h);
      const double scale = std::max({std::abs(difference), std::abs(wanted), 0.1 * length, 1e-9});
      const double error = std::abs(difference - wanted) / scale;
      if (error < best) best = error, found = difference;
      if (best < tolerance) break;
    }
    require(best < tolerance, what, " disagrees with finite differences: along one direction autograd has ", wanted,
            ", finite differences have ", found);
  }
}

}  // namespace nada::checks
