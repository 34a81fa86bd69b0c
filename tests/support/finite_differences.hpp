/// Compares the gradient of a scalar function with central differences.
#pragma once
#include <torch/autograd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>

#include "nada/core/tensor.hpp"

namespace nada::test {

/// Compares autograd's gradient of `f` (tensor -> scalar) at `x` with (f(x + h) - f(x - h)) / 2 h, entry by entry, in
/// float64; for a large x, at `most` entries spread over it. The error is relative to the largest entry of the
/// gradient, which must not be 0 (a constant would pass).
template <class F>
void check_gradient(F&& f, const Tensor& x, double tolerance = 1e-6, std::int64_t most = 60) {
  constexpr double h = 1e-5;
  const auto point = x.detach().to(torch::kFloat64).contiguous().clone();
  const auto leaf = point.clone().requires_grad_(true);
  const auto gradient = torch::autograd::grad({f(leaf)}, {leaf})[0].contiguous().view(-1);
  const auto size = gradient.abs().max().template item<double>();
  BOOST_TEST_REQUIRE(std::isfinite(size));
  BOOST_TEST(size > 0);
  const torch::NoGradGuard no_grad;
  const auto count = std::min(most, point.numel());
  double worst = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = i * point.numel() / count;
    const auto moved = [&](double by) {
      auto other = point.clone();
      other.view(-1)[at] += by;
      return f(other).template item<double>();
    };
    const auto difference = (moved(h) - moved(-h)) / (2 * h);
    worst = std::max(worst, std::abs(difference - gradient[at].template item<double>()) / size);
  }
  BOOST_TEST(worst < tolerance, "autograd and finite differences disagree by " << worst << " of the gradient's size");
}

}  // namespace nada::test
