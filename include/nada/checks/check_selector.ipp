// Bodies of check_selector.hpp.
#pragma once
#include "nada/checks/check_selector.hpp"

#include <cstddef>

#include "nada/core/config.hpp"

namespace nada::checks {

NADA_INLINE void require_choice(const LayerSet& chosen, const Probe& probe) {
  require(!chosen.empty(), "the selector chooses no layer at step ", probe.stream.step);
  for (std::size_t i = 0; i + 1 < chosen.size(); ++i) {
    require(chosen[i] != chosen[i + 1], "the selector chooses the layer ", chosen[i], " twice at step ",
            probe.stream.step);
    require(chosen[i] < chosen[i + 1], "the selector's choice is not sorted at step ", probe.stream.step, ": ",
            chosen[i], " stands before ", chosen[i + 1]);
  }
  for (const auto k : chosen)
    require(std::find(probe.candidates.begin(), probe.candidates.end(), k) != probe.candidates.end(),
            "the selector chooses the layer ", k, " at step ", probe.stream.step, ", which is no candidate");
}

NADA_INLINE TensorMap kept_state(const TensorMap& state) {
  TensorMap out;
  for (const auto& [name, value] : state) {
    const auto whole = value.to(torch::kCPU, torch::kInt64);
    require(at::equal(whole.to(torch::kFloat64), value.to(torch::kCPU, torch::kFloat64)), "the selector's state ", name,
            " holds numbers that are not whole; state files keep whole numbers");
    out[name] = whole.flatten().clone();
  }
  return out;
}

}  // namespace nada::checks
