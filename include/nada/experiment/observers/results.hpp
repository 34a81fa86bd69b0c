/// An observer that leaves a run's results.
#pragma once
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/experiment/run_folder.hpp"

namespace nada {

/// ResultObserver writes adapted.safetensors and report.html when the run ends or is stopped. The folder must
/// outlive the observer.
class ResultObserver {
 public:
  ResultObserver(const RunFolder& folder, DeltaOrigin origin);

  void on_start(RunAccess&);
  void on_step(const Report&, RunAccess&) {}
  void on_finish(RunAccess& run);

 private:
  const RunFolder& folder_;
  DeltaOrigin origin_;
  double begin_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/results.ipp"
#endif
