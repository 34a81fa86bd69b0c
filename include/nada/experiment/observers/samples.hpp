/// An observer that draws samples as a run goes.
#pragma once
#include <cstdint>
#include <vector>

#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/images.hpp"

namespace nada {

/// SampleObserver writes samples/<step>.png, the same latents as two rows source and adapted, and
/// deltas/<step>.safetensors beside it, because the best delta is often not the last one. It writes at the start, every
/// n steps (0: never) and at the end. The folder must outlive the observer.
/// Errors:  n < 0; a full disk.
class SampleObserver {
 public:
  SampleObserver(const RunFolder& folder, DeltaOrigin origin, std::int64_t every, int count = 12);

  void on_start(RunAccess& run);
  void on_step(const Report& report, RunAccess& run);
  void on_finish(RunAccess& run) { draw(run); }

  /// Returns the step of the last picture that was drawn in this sitting; -1 before the first.
  std::int64_t drawn() const { return drawn_; }

 private:
  void draw(RunAccess& run);

  const RunFolder& folder_;
  DeltaOrigin origin_;
  std::int64_t every_;
  int count_;
  std::int64_t drawn_ = -1;
  Tensor latents_;
  std::vector<Picture> source_row_;  // of the source's images, which stay
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/samples.ipp"
#endif
