/// Holds the tensors that train near where they started.
#pragma once
#include <torch/autograd.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/parameterization.hpp"

namespace nada {

/// L2, or with `fisher` elastic weight consolidation:
///     L = sum_i F_i (leaf_i - initial_i)^2,   F_i = 1 without `fisher`
/// Source:  Kirkpatrick et al., arXiv:1612.00796, equation 3 (without its 1/2); for generators Li et al., Few-shot
/// Image
///          Generation with Elastic Weight Consolidation, arXiv:2012.02780.
/// Facts:   0 with gradient 0 at the start; the gradient is 2 F (leaf - initial).
/// Errors:  a leaf that `fisher` does not have or with another shape.
struct WeightAnchor {
  static constexpr std::string_view name = "weights";
  static constexpr Reads reads = Reads::leaves;
  static constexpr bool per_sample = false;
  std::map<std::string, Tensor> fisher = {};  // by leaf name; see fisher_information

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

/// Diagonal Fisher information of all leaves: the mean over latents z [N, Z], one at a time, of the squared gradient of
/// `score(images [1, 3, H, W]) -> scalar` at the start. Which score says what matters: a discriminator's in Li et al.,
/// a loss of an encoder where there is none. Leaves on which the images do not depend have 0.
template <Generator G, Parameterization P, class Score>
std::map<std::string, Tensor> fisher_information(const G& source, const P& parameterization, const Tensor& z,
                                                 Score&& score) {
  auto generator = source.clone();
  std::vector<std::string> names;
  std::vector<Tensor> leaves;
  for (std::size_t k = 0; k < source.layers().size(); ++k) {
    const auto& layer = source.layers()[k];
    if (!parameterization.covers(layer) || layer.kind == LayerKind::mapping) continue;
    std::vector<Tensor> base;
    for (std::size_t s = 0; s < layer.slots.size(); ++s) base.push_back(source.slot(k, s).detach());
    auto own = parameterization.leaves(layer, base, Stream{});
    const auto effective = parameterization.effective(layer, base, own);
    for (std::size_t s = 0; s < effective.size(); ++s) generator.use(k, s, effective[s]);
    for (const auto& name : parameterization.names(layer)) names.push_back(layer.name + "." + name);
    leaves.insert(leaves.end(), own.begin(), own.end());
  }
  std::map<std::string, Tensor> out;
  for (std::size_t i = 0; i < leaves.size(); ++i) out[names[i]] = torch::zeros_like(leaves[i]);
  for (std::int64_t n = 0; n < z.size(0); ++n) {
    const auto images = generator.synthesize(generator.map(z.narrow(0, n, 1), {}), Render{});
    const auto gradients = torch::autograd::grad({score(images)}, leaves, {}, /*retain_graph=*/true,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    for (std::size_t i = 0; i < leaves.size(); ++i)
      if (gradients[i].defined()) out[names[i]] += gradients[i].square() / static_cast<double>(z.size(0));
  }
  return out;
}

}  // namespace nada
