/// Holds the tensors that train near their initial values.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// Leaves should stay near their initial values (L2, or elastic weight consolidation with `fisher`):
///     L = sum_i F_i (leaf_i - initial_i)^2,   F_i = 1 without `fisher`      []  >= 0
/// Source:  Kirkpatrick et al., arXiv:1612.00796, equation 3 (without its 1/2); for generators Li et al., Few-shot
///          Image Generation with Elastic Weight Consolidation, arXiv:2012.02780.
/// Facts:   L is 0 with gradient 0 at the start; the gradient is 2 F (leaf - initial).
/// Errors:  a leaf that `fisher` lacks or holds in another shape.
struct WeightAnchor {
  static constexpr std::string_view name = "weights";
  static constexpr Reads reads = Reads::leaves;
  static constexpr bool per_sample = false;
  std::map<std::string, Tensor> fisher = {};  // by leaf name; see parameterization/fisher_information.hpp

  Tensor operator()(const Scene& s) const {
    auto sum = torch::zeros({}, s.leaves.empty() ? torch::TensorOptions(torch::kFloat32) : s.leaves[0].value.options());
    for (const auto& leaf : s.leaves) {
      const auto squares = (leaf.value - leaf.initial).square();
      if (fisher.empty()) {
        sum = sum + squares.sum();
        continue;
      }
      const auto found = fisher.find(leaf.name);
      require(found != fisher.end(), "WeightAnchor: there is no Fisher information of ", leaf.name);
      require(found->second.sizes() == leaf.value.sizes(), "WeightAnchor: the Fisher information of ", leaf.name,
              " has shape ", shape_text(found->second.sizes()), ", expected ", shape_text(leaf.value.sizes()));
      sum = sum + (found->second * squares).sum();
    }
    return sum;
  }
};

}  // namespace nada
