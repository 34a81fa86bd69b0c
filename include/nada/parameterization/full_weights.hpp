/// Trains every tensor of a chosen layer.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/parameterization.hpp"

namespace nada {

/// The leaves of FullWeights are the slots themselves: effective = leaves, which start as copies of the base.
struct FullWeights {
  static constexpr std::string_view name = "full";

  bool covers(const Layer&) const { return true; }
  std::vector<std::string> names(const Layer& layer) const { return layer.slots; }
  std::vector<Tensor> leaves(const Layer&, std::span<const Tensor> base, const Stream&) const {
    std::vector<Tensor> out;
    for (const auto& t : base) out.push_back(t.detach().clone().requires_grad_(true));
    return out;
  }
  std::vector<Tensor> effective(const Layer&, std::span<const Tensor>, std::span<const Tensor> leaves) const {
    return {leaves.begin(), leaves.end()};
  }
};

}  // namespace nada
