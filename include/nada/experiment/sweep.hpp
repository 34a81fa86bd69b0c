/// Sweeps: options of an adaptation that vary, on the cells of an ablation, with its tables.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/experiment/ablation_options.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/ablation_results.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/sweep_file.hpp"
#include "nada/experiment/table.hpp"

namespace nada {

/// The options of a sweep beside those of the adaptation, which stand in the sweep file alone.
struct SweepOptions {
  static constexpr const char* about = "runs a grid or a random sample of options on the same targets and seeds";
  static constexpr const char* example = "sweep rates.cfg --jobs 2";
  std::filesystem::path file;
  std::string targets = "sketch,zombie,statue", seeds = "3", best = "text_score";
  std::int64_t samples = 0;
  std::uint64_t draw_seed = 0;
  bool list = false;
  AblationOptions cells;  // what all cells share: folder, jobs, measuring

  void declare(OptionTable& table);
  /// Fills in what the sweep's cells share, of the options of one of its variants.
  /// Errors:  those of AblationOptions::settle(); seeds that are no numbers or named twice; an unknown metric as `best`.
  void settle(const AdaptOptions& first);
};

/// Returns the seeds that a text stands for: `3` for 0, 1 and 2, or a list such as `5,7` (`5,` for one).
/// Errors:  no such text; a seed that is named twice.
std::vector<std::uint64_t> read_seeds(const std::string& text);

/// Returns a row a variant: the values that vary, then its means. The column `best` has `*` where the mean of the metric is
/// best, `=` where the paired difference to that variant has an interval that holds 0 or has none.
/// Errors:  a metric that some variant lacks.
Table sweep_table(const AblationResults& results, const std::vector<SweepVariant>& variants,
                  const std::vector<std::string>& columns, const std::string& metric, bool higher_is_better);

/// Reads the sweep file, runs the cells that are missing, and writes into the folder what ablations write, results.csv,
/// results.md, and best.cfg with the options of the best variant. Returns the exit code.
/// Errors:  no file; those of SweepFile, AblationPlan and run_plan().
int sweep(SweepOptions& options, OptionTable& table);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/sweep.ipp"
#endif
