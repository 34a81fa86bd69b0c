/// Measures how much each number of a generator matters.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <torch/autograd.h>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/parameterization.hpp"

namespace nada {

/// Returns the diagonal Fisher information of all leaves, by leaf name: the mean over latents z [N, Z], one at a
/// time, of the squared gradient of `score(images [1, 3, H, W]) -> scalar` at the start. The score decides what
/// matters: Li et al. take a discriminator's logit; without a discriminator a loss of an encoder serves. Leaves on
/// which the images do not depend have 0.
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
