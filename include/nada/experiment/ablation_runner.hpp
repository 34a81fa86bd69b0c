/// Runs the cells of an ablation, several at a time.
#pragma once
#include "nada/experiment/ablation_plan.hpp"

namespace nada {

/// Runs each cell that is missing as a process of its own, so that its peak of memory is its own, --jobs of them at a
/// time. After a failure, or when somebody asks to stop, no further cell starts. Returns whether all cells are done; the
/// reason why not was told.
bool run_missing_cells(const AblationPlan& plan);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_runner.ipp"
#endif
