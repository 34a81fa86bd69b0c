// Bodies of results.hpp.
#pragma once
#include "nada/experiment/observers/results.hpp"

#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/device.hpp"
#include "nada/experiment/adaptation_report.hpp"

namespace nada {

NADA_INLINE ResultObserver::ResultObserver(const RunFolder& folder, DeltaOrigin origin)
    : folder_(folder), origin_(std::move(origin)) {}

NADA_INLINE void ResultObserver::on_start(RunAccess&) { begin_ = seconds_now(); }

NADA_INLINE void ResultObserver::on_finish(RunAccess& run) {
  origin_.save(folder_ / "adapted.safetensors", run.delta());
  write_adaptation_report(folder_, run.step, run.total, seconds_now() - begin_);
}

}  // namespace nada
