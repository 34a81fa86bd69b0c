/// Makes the delta of a run.
#pragma once
#include <cstddef>
#include <string>
#include <utility>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/core/tensor.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// Returns the delta of a run: the leaves of the layers that the training policy puts into deltas. The leaves of a
/// parameterization that is not in the menu AnyParameterization are folded: the delta then holds the weights of these
/// layers, as FullWeights would, so that programs that do not know the parameterization can read it.
template <class G, class P, class Training>
Delta make_delta(const CandidateLayers<G, P>& candidates, const TrainedLeaves& leaves, const Training& training,
                 std::string base_hash) {
  const torch::NoGradGuard no_grad;
  const auto name = name_of(candidates.parameterization());
  Delta out{std::move(base_hash), name, {}};
  if constexpr (!is_in_menu<P>) {
    out.parameterization = FullWeights::name;
    out.folded_from = name;
  }
  for (const auto k : candidates.trained_layers(leaves)) {
    const auto own = candidates.leaves(k, leaves);
    if (!training.in_delta(own, [&] { return candidates.initial(k); })) continue;
    if constexpr (is_in_menu<P>) {
      const auto names = candidates.names(k);
      for (std::size_t i = 0; i < names.size(); ++i) out.leaves[names[i]] = own[i].detach();
    } else {
      const auto& layer = candidates.layer(k);
      const auto slots = candidates.effective(k, own);
      for (std::size_t s = 0; s < slots.size(); ++s) out.leaves[layer.name + "." + layer.slots[s]] = slots[s].detach();
    }
  }
  return out;
}

}  // namespace nada
