/// Stochastic gradient descent with momentum.
#pragma once
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/moments.hpp"
#include "nada/training/optimizer.hpp"

namespace nada {

/// Sgd moves a leaf x by its gradient g:
///     m = momentum m + g + weight_decay x,   x -= rate m
/// Source:  Sutskever et al., ICML 2013, in the form of PyTorch's SGD.
struct Sgd {
  static constexpr std::string_view name = "sgd";
  double rate = 0.01, momentum = 0, weight_decay = 0;

  void check() const {
    require_rate(rate);
    require(momentum >= 0 && momentum < 1, "the momentum is ", momentum, ", expected a number in [0, 1)");
    require(weight_decay >= 0, "the weight decay is ", weight_decay, ", expected a number >= 0");
  }
  Moments begin(const Tensor& leaf) const { return {momentum > 0 ? torch::zeros_like(leaf) : Tensor{}, {}}; }
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    const auto g = weight_decay > 0 ? gradient + weight_decay * leaf : gradient;
    if (momentum > 0) moments.first.mul_(momentum).add_(g);
    leaf.add_(momentum > 0 ? moments.first : g, -rate);
  }
};

}  // namespace nada
