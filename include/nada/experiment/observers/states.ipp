// Bodies of states.hpp.
#pragma once
#include "nada/experiment/observers/states.hpp"

#include <utility>

#include "nada/adaptation/state_file.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

NADA_INLINE StateObserver::StateObserver(std::filesystem::path path, std::int64_t every)
    : path_(std::move(path)), every_(every) {
  require(every >= 1, "the state must be saved every 1 step or more, not every ", every);
}

NADA_INLINE void StateObserver::on_step(const Report& report, RunAccess& run) {
  if (report.step % every_ == 0 && report.step != report.total) save(run);
}

NADA_INLINE void StateObserver::save(RunAccess& run) {
  if (saved_ != run.step) {
    sync_files(path_.parent_path());  // no row of metrics.csv may be younger on the disk than the state
    save_state(path_, run.state());
  }
  saved_ = run.step;
}

}  // namespace nada
