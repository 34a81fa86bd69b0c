/// Observers: parts that watch a run.
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/run_log.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/core/tensor.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// Report describes one finished step. A report owns its numbers, so an observer may keep it.
struct Report {
  std::int64_t step = 0;                              // finished steps, this one included: 1, 2, ...
  std::int64_t total = 0;                             // steps the run will have
  double loss = 0;                                    // weighted sum of the terms, before this step's update
  std::vector<std::pair<std::string, double>> terms;  // unweighted, summed over the encoders with their weights
  double seconds = 0;                                 // duration of this step
  LayerSet chosen;
};

/// RunAccess is what an observer may do with a run in progress. Latents are z [N, Z]; images come
/// at the run's exit, as generated.
struct RunAccess {
  std::int64_t step = 0, total = 0;  // finished steps, wanted steps
  std::int64_t latent_size = 0;
  std::function<Tensor(const Tensor&z)> source_images, adapted_images;
  std::function<AdaptationState()> state;  // save_state() of adaptation/state_file.hpp writes a state
  std::function<Delta()> delta;            // save_delta() of adaptation/delta_file.hpp writes a delta
  std::function<void()> stop;              // ends the run after this step
  RunLog logged;                           // what the observers of the run have logged in this step

  /// Logs a number of this step: a column of metrics.csv, a curve in report.html and, with --tensorboard, a scalar of
  /// the event file. The column must be known before the first step: an observer names it in `columns`, or calls log()
  /// in on_start too, which declares the column and keeps no number.
  /// Errors:  as RunLog.
  void log(std::string_view name, double value) { logged.log(name, value); }
};

/// Observer: `on_step` is called after every step. Three more functions are optional: `on_start(RunAccess&)` before the
/// first step, `on_finish(RunAccess&)` when the run ends or is stopped, and `on_failure(RunAccess&)` when a step fails;
/// the state is then the state before that step. `columns`, an array of names or a function that returns a range of
/// names, is optional too: the numbers that the observer logs.
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
