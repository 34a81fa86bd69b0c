/// The Adam optimiser and AdamW, small and exact to resume.
#pragma once
#include <cmath>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/moments.hpp"
#include "nada/training/optimizer.hpp"

namespace nada {

/// Adam moves a leaf x by its gradient g:
///     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
///     x -= rate / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon)
/// Each leaf counts its own steps t: a leaf without a gradient stands still, a leaf with a gradient of zero does not.
/// The defaults are the official training's. With b1 = 0, m is g and is not kept.
/// Source:  Kingma and Ba, arXiv:1412.6980, algorithm 1.
struct Adam {
  static constexpr std::string_view name = "adam";
  double rate = 0.002, beta1 = 0, beta2 = 0.99, epsilon = 1e-8;

  void check() const {
    require_rate(rate);
    require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "Adam's betas are ", beta1, " and ", beta2,
            ", expected numbers in [0, 1)");
  }

  Moments begin(const Tensor& leaf) const {
    return {beta1 > 0 ? torch::zeros_like(leaf) : Tensor{}, torch::zeros_like(leaf)};
  }

  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    const auto t = static_cast<double>(moments.steps);
    if (beta1 > 0) moments.first.mul_(beta1).add_(gradient, 1 - beta1);
    moments.second.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    const auto spread = (moments.second.sqrt() / std::sqrt(1 - std::pow(beta2, t))).add_(epsilon);
    leaf.addcdiv_(beta1 > 0 ? moments.first : gradient, spread, -rate / (1 - std::pow(beta1, t)));
  }

  /// Moves `leaf` in place by a defined gradient, and updates its moments.
  void update(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    take_step(*this, leaf, gradient, moments);
  }
};

/// AdamW takes rate x weight_decay of the leaf away, then steps as Adam does. The decay pulls toward 0, not toward the
/// source generator; the term WeightAnchor does the latter.
/// Source:  Loshchilov and Hutter, arXiv:1711.05101, algorithm 2, as PyTorch's AdamW has it.
struct AdamW : Adam {
  static constexpr std::string_view name = "adamw";
  double weight_decay = 0.01;

  void check() const {
    Adam::check();
    require(weight_decay >= 0, "AdamW's weight decay is ", weight_decay, ", expected a number >= 0");
  }
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    leaf.mul_(1 - rate * weight_decay);
    Adam::move(leaf, gradient, moments);
  }
};

}  // namespace nada
