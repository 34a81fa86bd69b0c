/// An observer that saves states.
#pragma once
#include <cstdint>
#include <filesystem>

#include "nada/adaptation/observer.hpp"

namespace nada {

/// StateObserver saves the state every n steps, at the end, when a run is stopped, and when a step fails.
/// Errors:  n < 1; a full disk.
class StateObserver {
 public:
  StateObserver(std::filesystem::path path, std::int64_t every);

  void on_step(const Report& report, RunAccess& run);
  void on_finish(RunAccess& run) { save(run); }
  void on_failure(RunAccess& run) { save(run); }

 private:
  void save(RunAccess& run);

  std::filesystem::path path_;
  std::int64_t every_, saved_ = -1;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/states.ipp"
#endif
