/// The Adam optimiser, small and exact to resume.
#pragma once
#include <cmath>
#include <cstdint>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Moments hold what Adam remembers of one leaf.
struct Moments {
  Tensor first, second;  // running means of g and g^2, shaped as the leaf; undefined before its first gradient
  std::int64_t steps = 0;
};

/// Adam moves a leaf x by its gradient g:
///     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
///     x -= rate / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon)
/// Each leaf counts its own steps t: a leaf without a gradient stands still, a leaf with a gradient of zero does not.
/// The defaults are the official training's.
/// Source:  Kingma and Ba, arXiv:1412.6980, algorithm 1.
struct Adam {
  double rate = 0.002, beta1 = 0, beta2 = 0.99, epsilon = 1e-8;

  void check() const {
    require(std::isfinite(rate) && rate > 0, "the learning rate is ", rate, ", expected a number > 0");
    require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "Adam's betas are ", beta1, " and ", beta2,
            ", expected numbers in [0, 1)");
  }

  /// Moves `leaf` in place by a defined gradient, and updates its moments.
  void update(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    const torch::NoGradGuard no_grad;
    if (!moments.first.defined()) {
      moments.first = torch::zeros_like(leaf);
      moments.second = torch::zeros_like(leaf);
    }
    ++moments.steps;
    const auto t = static_cast<double>(moments.steps);
    moments.first.mul_(beta1).add_(gradient, 1 - beta1);
    moments.second.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    const auto spread = (moments.second.sqrt() / std::sqrt(1 - std::pow(beta2, t))).add_(epsilon);
    leaf.addcdiv_(moments.first, spread, -rate / (1 - std::pow(beta1, t)));
  }
};

}  // namespace nada
