/// Who watches a run.
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/core/tensor.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// One finished step. It owns its numbers, so it may be kept.
struct Report {
  std::int64_t step = 0;                              // finished steps, this one included: 1, 2, ...
  std::int64_t total = 0;                             // steps the run will have
  double loss = 0;                                    // weighted sum of the terms, before this step's update
  std::vector<std::pair<std::string, double>> terms;  // unweighted, summed over the encoders with their weights
  double seconds = 0;                                 // this step took
  LayerSet chosen;
};

/// What an observer may do with a run in progress. Latents are z [N, Z]; images come at the run's exit, as generated.
struct RunAccess {
  std::int64_t step = 0, total = 0;  // finished, wanted
  std::int64_t latent_size = 0;
  std::function<Tensor(const Tensor&z)> source_images, adapted_images;
  std::function<AdaptationState()> state;  // save_state(path, run.state()) writes it (adaptation/state_file.hpp)
  std::function<Delta()> delta;            // save_delta(path, run.delta()) writes it (adaptation/delta_file.hpp)
  std::function<void()> stop;              // after this step
};

/// Observer: `on_step` after every step. Optional: `on_start(RunAccess&)` before the first one, `on_finish(RunAccess&)`
/// when the run ends or is stopped, `on_failure(RunAccess&)` when a step fails; the state is then that before the step.
template <class O>
concept Observer = requires(O& o, const Report& report, RunAccess& run) {
  o.on_step(report, run);
};

template <class O>
consteval bool explain_observer() {
  static_assert(Observer<O>,
                "Observer: add `void on_step(const nada::Report&, nada::RunAccess&)` (docs/policies.md#observers)");
  return true;
}

}  // namespace nada
