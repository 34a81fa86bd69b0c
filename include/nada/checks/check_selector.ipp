// Bodies of check_selector.hpp.
#pragma once
#include "nada/checks/check_selector.hpp"

#include <cstddef>

#include "nada/adaptation/state.hpp"
#include "nada/adaptation/state_file.hpp"
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
  const ScratchFolder folder;
  AdaptationState run;
  run.selector = state;
  return telling("the selector's state cannot be saved", [&] {
    save_state(folder / "state.safetensors", run);
    return load_state(folder / "state.safetensors").selector;
  });
}

}  // namespace nada::checks
