/// How many targets and seeds an ablation needs to see a difference.
#pragma once
#include <string>

#include "nada/experiment/ablation_plan.hpp"

namespace nada {

/// Returns tables of how many targets would show a difference to the control, by a t-test over targets at 0.05 with a
/// probability of 80%: a row a variant, columns for 1, 3, 5 and 10 seeds of each target. The variances between and within
/// targets are those of the paired differences of the cells that are there; no others are run.
///     wanted   `D`: a table for every metric, in each the difference D; `METRIC=D`: one table
/// Errors:  `wanted` is no such text; cells of fewer than two targets, or of no seed of both variants; a damaged cell.
std::string power_page(const AblationPlan& plan, const std::string& wanted);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_power.ipp"
#endif
