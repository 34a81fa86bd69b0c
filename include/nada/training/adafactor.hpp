/// Adafactor: an optimizer that remembers sums of rows and columns alone.
#pragma once
#include <algorithm>
#include <cmath>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/moments.hpp"
#include "nada/training/optimizer.hpp"

namespace nada {

/// Adafactor moves a leaf x by its gradient g, both as a matrix [x.size(0), the rest]:
///     b = 1 - t^-decay,  s = g^2 + floor,   r = b r + (1 - b) mean_columns(s),   c = b c + (1 - b) mean_rows(s)
///     u = g / sqrt(r c / mean(r)),   u /= max(1, rms(u) / clip),   x -= rate (u + weight_decay x)
/// Leaves of one dimension keep the running mean of s itself. With beta1 > 0 the step is the running mean of rate u.
/// Source:  Shazeer and Stern, arXiv:1804.04235, algorithms 4 and 5 without relative step sizes; the floor stands where
///          transformers' implementation has it.
/// Why:     of a convolution [O, I, k, k] it keeps O + I k k numbers, where Adam keeps O I k k.
struct Adafactor {
  static constexpr std::string_view name = "adafactor";
  double rate = 0.002, beta1 = 0, decay = 0.8, clip = 1, weight_decay = 0, floor = 1e-30;

  void check() const {
    require_rate(rate);
    require(beta1 >= 0 && beta1 < 1, "Adafactor's beta1 is ", beta1, ", expected a number in [0, 1)");
    require(decay > 0 && clip > 0 && floor >= 0, "Adafactor's decay, clip and floor are ", decay, ", ", clip, " and ",
            floor, ", expected numbers > 0");
    require(weight_decay >= 0, "the weight decay is ", weight_decay, ", expected a number >= 0");
  }
  Moments begin(const Tensor& leaf) const {
    Moments out{beta1 > 0 ? torch::zeros_like(leaf) : Tensor{}, {}};
    if (leaf.dim() < 2) {
      out.second = torch::zeros_like(leaf);
    } else {
      out.others["rows"] = torch::zeros({leaf.size(0)}, leaf.options().requires_grad(false));
      out.others["columns"] = torch::zeros({leaf[0].numel()}, leaf.options().requires_grad(false));
    }
    return out;
  }
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    const double b = 1 - std::pow(static_cast<double>(moments.steps), -decay);
    Tensor u;
    if (leaf.dim() < 2) {
      moments.second.mul_(b).add_(gradient.square() + floor, 1 - b);
      u = gradient * moments.second.rsqrt();
    } else {
      const auto squares = (gradient.square() + floor).reshape({leaf.size(0), -1});
      const auto rows = moments.others.at("rows").mul_(b).add_(squares.mean(1), 1 - b);
      const auto columns = moments.others.at("columns").mul_(b).add_(squares.mean(0), 1 - b);
      const auto scale = (rows / rows.mean()).rsqrt().unsqueeze(1) * columns.rsqrt().unsqueeze(0);
      u = gradient * scale.view_as(gradient);
    }
    const double rms = std::sqrt(u.square().mean().item<double>());
    u.mul_(rate / std::max(1.0, rms / clip));
    if (beta1 > 0) u = moments.first.mul_(beta1).add_(u, 1 - beta1);
    if (weight_decay > 0) leaf.mul_(1 - rate * weight_decay);
    leaf.sub_(u);
  }
};

}  // namespace nada
