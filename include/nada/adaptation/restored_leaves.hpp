/// Restores the leaves of a saved state.
#pragma once
#include <cstddef>
#include <string>
#include <utility>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// Returns the leaves and moments of a state, in the type and on the device of the candidates' base.
/// Errors:  a tensor that is missing or has another shape than the layer's, naming the state and the tensor.
template <class G, class P>
TrainedLeaves restored_leaves(const CandidateLayers<G, P>& candidates, const AdaptationState& state) {
  TrainedLeaves out;
  const auto fitting = [&](const std::string& name, const Tensor& value, const Tensor& like) {
    require(value.defined(), state.origin, ": tensor ", name, " is missing");
    require(value.sizes() == like.sizes(), state.origin, ": tensor ", name, " has shape ", shape_text(value.sizes()),
            ", expected ", shape_text(like.sizes()));
    return value.to(candidates.options()).clone();
  };
  for (std::size_t k = 0; k < candidates.layer_count(); ++k) {
    if (!candidates.covers(k) || !state.leaves.count(candidates.names(k).front())) continue;
    const auto names = candidates.names(k);
    const auto like = candidates.initial(k);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto leaf = state.leaves.find(names[i]);
      require(leaf != state.leaves.end(), state.origin, ": tensor leaf.", names[i], " is missing");
      auto moments = state.moments.at(names[i]);
      if (moments.steps > 0) {
        moments.first = fitting("first." + names[i], moments.first, like[i]);
        moments.second = fitting("second." + names[i], moments.second, like[i]);
      }
      out.put(names[i], fitting("leaf." + names[i], leaf->second, like[i]).requires_grad_(true), std::move(moments));
    }
  }
  return out;
}

}  // namespace nada
