// Bodies of progress.hpp.
#pragma once
#include "nada/experiment/observers/progress.hpp"

#include <cstdio>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE void ProgressObserver::on_step(const Report& report, RunAccess&) {
  char note[32];
  std::snprintf(note, sizeof note, "loss %.4f", report.loss);
  bar_->update(report.step, note);
}

}  // namespace nada
