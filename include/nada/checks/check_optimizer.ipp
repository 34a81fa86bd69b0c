// Bodies of check_optimizer.hpp.
#pragma once
#include "nada/checks/check_optimizer.hpp"

#include "nada/adaptation/state.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/checks/small_run.hpp"
#include "nada/core/config.hpp"

namespace nada::checks {

NADA_INLINE Moments kept_moments(const Tensor& leaf, const Moments& moments) {
  if (moments.steps == 0) return {};
  const ScratchFolder folder;
  AdaptationState run;
  run.leaves["leaf"] = leaf;
  run.moments["leaf"] = moments;
  return telling("the optimizer's moments cannot be saved", [&] {
    save_state(folder / "state.safetensors", run);
    return load_state(folder / "state.safetensors").moments.at("leaf");
  });
}

}  // namespace nada::checks
