/// Gradients of leaves: of one batch, of a batch in parts, and clipped.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/autograd.h>

#include "nada/adaptation/bound_objective.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// Refuses gradients of which one is not finite, naming step, leaf and terms.
inline void require_finite_gradients(const std::vector<std::string>& names, const TensorMap& gradients,
                                     const TermValues& values, std::int64_t step) {
  Tensor sum;  // finite where all numbers are, unless it is too large; read once, because a read waits for the device
  for (const auto& [name, g] : gradients) sum = sum.defined() ? sum + g.sum() : g.sum();
  if (std::isfinite(sum.item<double>())) return;
  const auto bad = std::find_if(names.begin(), names.end(), [&](const auto& name) {
    const auto g = gradients.find(name);
    return g != gradients.end() && !g->second.isfinite().all().template item<bool>();
  });
  if (bad == names.end()) return;
  std::string terms;
  for (const auto& [term, value] : values.terms) terms += join(terms.empty() ? "" : ", ", term, " ", value);
  fail("step ", step, ": the gradient of ", *bad, " is not finite (terms: ", terms, "); the run cannot go on");
}

/// Returns the gradients of the loss in the leaves of these names. Leaves that have no gradient are left out. `step`
/// counts from 1, for errors.
inline TensorMap leaf_gradients(const TermValues& values, const std::vector<std::string>& names,
                                const TrainedLeaves& leaves, std::int64_t step) {
  std::vector<Tensor> of;
  for (const auto& name : names) of.push_back(leaves[name]);
  const auto gradients = torch::autograd::grad({values.loss}, of, {}, /*retain_graph=*/false,
                                               /*create_graph=*/false, /*allow_unused=*/true);
  TensorMap out;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (gradients[i].defined()) out[names[i]] = gradients[i];
  require(!out.empty(), "step ", step, ": no chosen layer has a gradient");
  require_finite_gradients(names, out, values, step);
  return out;
}

/// BatchSum adds up the parts of a batch: a loss that is a mean over samples is the sum of its parts' means, each times
/// its share of the samples, and so is its gradient.
struct BatchSum {
  double loss = 0;
  std::vector<std::pair<std::string, double>> terms;
  TensorMap gradients;

  /// Adds a part; `share` is 1 for a whole batch.
  void add(const TermValues& values, TensorMap of_part, double share) {
    loss += share * values.loss.item<double>();
    if (terms.empty())
      for (const auto& [name, value] : values.terms) terms.emplace_back(name, share * value);
    else
      for (std::size_t t = 0; t < terms.size(); ++t) terms[t].second += share * values.terms[t].second;
    if (share == 1) {
      gradients = std::move(of_part);
      return;
    }
    for (auto& [name, gradient] : of_part) {
      auto& sum = gradients[name];
      sum = sum.defined() ? sum.add_(gradient, share) : share * gradient;
    }
  }

  /// Shortens the gradients so that all of them together are at most `longest` long; 0: any length.
  /// Source:  Pascanu et al., arXiv:1211.5063, algorithm 1; 1e-6 as in PyTorch's clip_grad_norm_.
  void clip(double longest) {
    if (longest == 0) return;
    Tensor squares;
    for (const auto& [name, g] : gradients) squares = squares.defined() ? squares + g.square().sum() : g.square().sum();
    const double factor = longest / (std::sqrt(squares.item<double>()) + 1e-6);
    if (factor < 1)
      for (auto& [name, g] : gradients) g = g * factor;
  }
};

}  // namespace nada
