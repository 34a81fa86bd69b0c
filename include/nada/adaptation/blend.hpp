/// Blends generators of one base.
#pragma once
#include <cmath>
#include <cstddef>
#include <span>

#include "nada/core/error.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// Share is a generator of the same base with its weight in a blend.
template <Generator G>
struct Share {
  const G* generator;
  double weight = 1;
};

/// Returns base + sum_i weight_i (generator_i - base), slot by slot.
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 5.2 (models between domains); Wang et al., Deep
///          Network Interpolation, arXiv:1811.10515.
/// Facts:   weight 0 gives the base; one generator of weight 1 gives that generator; weights outside [0, 1] exaggerate.
/// Errors:  generators of another shape; a weight that is not finite.
template <Generator G>
G blend(const G& base, std::span<const Share<G>> shares) {
  auto out = base.clone();
  const torch::NoGradGuard no_grad;
  for (const auto& share : shares) {
    require(std::isfinite(share.weight), "the strength is ", share.weight, ", expected a number");
    require(share.generator->layers().size() == base.layers().size(),
            "generators of another shape than the base cannot be blended with it");
    for (std::size_t k = 0; k < base.layers().size(); ++k)
      for (std::size_t s = 0; s < base.layers()[k].slots.size(); ++s) {
        const auto& from = base.slot(k, s);
        const auto& to = share.generator->slot(k, s);
        require(from.sizes() == to.sizes(), "layer ", base.layers()[k].name, " has another shape than the base's");
        if (!at::equal(from, to)) out.use(k, s, out.slot(k, s) + share.weight * (to - from));
      }
  }
  return out;
}

}  // namespace nada
