/// An observer that writes an event file for TensorBoard.
#pragma once
#include <optional>

#include "nada/adaptation/observer.hpp"
#include "nada/experiment/observers/samples.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/tfevents.hpp"

namespace nada {

/// TensorBoardObserver writes what `tensorboard --logdir <run folder>` shows: the numbers of metrics.csv without
/// `seconds`, the sample grids, and options.cfg as a text. It stands behind the observers that log and behind
/// `samples`, which with the folder must outlive it. A run that resumes keeps the records up to its state; where the
/// file is missing it begins with the state.
/// Errors:  a full disk.
class TensorBoardObserver {
 public:
  static constexpr const char* file_name = "events.out.tfevents.0";
  static constexpr const char* grid_tag = "sample grid";
  static constexpr const char* options_tag = "options.cfg";

  TensorBoardObserver(const RunFolder& folder, const SampleObserver& samples) : folder_(folder), samples_(samples) {}

  void on_start(RunAccess& run);
  void on_step(const Report& report, RunAccess& run);
  void on_finish(RunAccess&) { add_grid(); }

 private:
  void add_grid();  // where samples have drawn one that the file does not have

  const RunFolder& folder_;
  const SampleObserver& samples_;
  std::optional<EventFile> events_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/tensorboard.ipp"
#endif
