// Bodies of ablation.hpp.
#pragma once
#include "nada/experiment/ablation.hpp"

#include <iostream>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/ablation_power.hpp"
#include "nada/experiment/ablation_results.hpp"
#include "nada/experiment/ablation_runner.hpp"

namespace nada {

NADA_INLINE int run_plan(const AblationPlan& plan, const PlanProgram& program) {
  const auto& options = plan.options();
  if (!options.power.empty()) {
    program.check();
    std::cout << power_page(plan, options.power);
    return 0;
  }
  make_folders(options.out / "cells");
  program.keep();
  if (options.cell >= 0) {
    require(options.cell < plan.size(), "option cell: expected 0 to ", plan.size() - 1, ", found ", options.cell);
    if (!std::filesystem::exists(plan.file(options.cell))) run_cell(plan, options.cell, program.make, program.metrics);
    return 0;
  }
  if (const auto others = made_by_others(plan); !others.empty()) std::cerr << "note: " << others << '\n';
  if (!run_missing_cells(plan)) return 1;
  program.write();
  return 0;
}

NADA_INLINE int run_variants(const AblationOptions& options, const OptionTable& table,
                             const std::vector<std::string>& variants, const MakeStepper& make,
                             const MetricList& metrics) {
  const AblationPlan plan(options, variants, {.made_by = made_by(table.program())});
  const auto text = table.render(options.out);
  return run_plan(plan, {[&] { check_options(options.out, text); }, [&] { keep_options(options.out, text); }, make,
                         metrics, [&] { write_results(plan, metrics.own); }});
}

}  // namespace nada
