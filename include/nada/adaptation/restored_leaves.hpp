/// Restores the leaves and the selector of a saved state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stateful.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/moments.hpp"
#include "nada/training/optimizer.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// Returns the leaves and moments of a state, in the type and on the device of the candidates' base. Moments that the
/// optimizer does not keep are left out, such as the first one of states that Adam with beta1 = 0 saved before.
/// Errors:  a tensor that is missing or has another shape than the layer's, naming the state and the tensor.
template <class G, class P>
TrainedLeaves restored_leaves(const CandidateLayers<G, P>& candidates, const AdaptationState& state,
                              const AnyOptimizer& optimizer) {
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
      const auto& kept = state.moments.at(names[i]);
      Moments moments;
      if (kept.steps > 0) {
        moments = optimizer.begin(like[i].detach());
        moments.steps = kept.steps;
        if (moments.first.defined()) moments.first = fitting("first." + names[i], kept.first, moments.first);
        if (moments.second.defined()) moments.second = fitting("second." + names[i], kept.second, moments.second);
        for (auto& [key, value] : moments.others) {
          const auto other = kept.others.find(key);
          value =
              fitting("moment." + key + "." + names[i], other == kept.others.end() ? Tensor{} : other->second, value);
        }
      }
      out.put(names[i], fitting("leaf." + names[i], leaf->second, like[i]).requires_grad_(true), std::move(moments));
    }
  }
  return out;
}

/// Returns a copy of `selector` that goes on from a state. `layers` counts the layers of the generator.
/// Errors:  a state that names another layer, or that lacks what the selector asks for.
template <class Sel>
Sel restored_selector(const Sel& selector, std::size_t layers, const AdaptationState& state) {
  auto out = selector;
  if constexpr (Stateful<Sel>) {
    if (const auto chosen = state.selector.find("chosen");
        chosen != state.selector.end() && chosen->second.numel() && chosen->second.scalar_type() == torch::kInt64)
      require(chosen->second.min().item<std::int64_t>() >= 0 &&
                  chosen->second.max().item<std::int64_t>() < static_cast<std::int64_t>(layers),
              state.origin, ": nada.selector names a layer that is not there");
    try {
      out.restore(state.selector);
    } catch (const Error& error) {
      fail(state.origin, ": nada.selector is damaged: ", error.what());
    } catch (const std::out_of_range&) {  // of `state.at(name)`
      fail(state.origin, ": nada.selector is damaged: a tensor is missing that the layer selector asks for");
    }
  }
  return out;
}

}  // namespace nada
