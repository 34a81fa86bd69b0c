/// An observer that shows how far a run is.
#pragma once
#include <optional>

#include "nada/adaptation/observer.hpp"
#include "nada/core/progress.hpp"

namespace nada {

/// ProgressObserver shows a bar on a terminal, and writes a line every few seconds elsewhere.
class ProgressObserver {
 public:
  void on_start(RunAccess& run) { bar_.emplace("adapting", run.total, run.step); }
  void on_step(const Report& report, RunAccess&);
  void on_finish(RunAccess&) { bar_->finish(); }

 private:
  std::optional<Progress> bar_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/progress.ipp"
#endif
