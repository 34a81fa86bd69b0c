// Bodies of ablation.hpp.
#pragma once
#include "nada/experiment/ablation.hpp"

#include <system_error>

#include "nada/core/config.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/ablation_results.hpp"
#include "nada/experiment/ablation_runner.hpp"

namespace nada {

NADA_INLINE int run_variants(const AblationOptions& options, const OptionTable& table,
                             const std::vector<std::string>& variants, const MakeStepper& make) {
  const AblationPlan plan(options, variants);
  std::error_code error;
  std::filesystem::create_directories(options.out / "cells", error);
  require(!error, "cannot make the folder ", options.out, ": ", error.message());
  keep_options(options.out, table.render(options.out));
  if (options.cell >= 0) {
    require(options.cell < plan.size(), "option cell: expected 0 to ", plan.size() - 1, ", found ", options.cell);
    if (!std::filesystem::exists(plan.file(options.cell))) run_cell(plan, options.cell, make);
    return 0;
  }
  if (!run_missing_cells(plan)) return 1;
  write_results(plan);
  return 0;
}

}  // namespace nada
