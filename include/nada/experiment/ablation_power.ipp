// Bodies of ablation_power.hpp.
#pragma once
#include "nada/experiment/ablation_power.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/table.hpp"
#include "nada/metrics/comparison.hpp"

namespace nada {

namespace detail {
/// The cells of a plan by number; those that were not run are empty.
using FoundCells = std::vector<std::optional<CellResult>>;

/// Returns the differences of a variant to the first one, by targets, in the cells that have both. Targets without any are
/// left out.
NADA_INLINE Groups found_differences(const AblationPlan& plan, const FoundCells& cells, std::size_t variant,
                                     const std::string& metric) {
  const auto variants = plan.variants().size(), seeds = static_cast<std::size_t>(plan.options().seeds);
  Groups out;
  for (std::size_t first = 0; first < cells.size(); first += variants * seeds) {
    std::vector<double> group;
    for (std::size_t n = first; n < first + variants * seeds; n += variants) {
      if (!cells[n] || !cells[n + variant]) continue;
      const auto *theirs = cells[n]->find(metric), *ours = cells[n + variant]->find(metric);
      if (ours && theirs) group.push_back(ours->value - theirs->value);
    }
    if (!group.empty()) out.push_back(std::move(group));
  }
  return out;
}

/// Returns the row of a variant: the deviations between and within targets, and the targets that are needed. Empty where
/// fewer than two targets have differences.
NADA_INLINE std::vector<Cell> power_row(const std::string& variant, const Groups& differences, double wanted,
                                        const std::array<std::int64_t, 4>& seeds) {
  if (differences.size() < 2) return {};
  const auto variances = variance_components(differences);
  const bool within = std::any_of(differences.begin(), differences.end(), [](const auto& g) { return g.size() > 1; });
  std::vector<Cell> row{variant, Cell::number(std::sqrt(variances.between)),
                        within ? Cell::number(std::sqrt(variances.within)) : Cell("")};
  constexpr std::int64_t most = 10000;
  for (const auto each : seeds) {
    const auto needed = groups_needed(wanted, variances, each, 0.8, most);
    row.emplace_back(!within && each > 1 ? std::string() : needed > 0 ? std::to_string(needed) : join("> ", most));
  }
  return row;
}
}  // namespace detail

NADA_INLINE std::string power_page(const AblationPlan& plan, const std::string& wanted) {
  const auto equals = wanted.rfind('=');
  const auto only = equals == wanted.npos ? std::string() : wanted.substr(0, equals);
  const auto difference = read_number<double>("power", equals == wanted.npos ? wanted : wanted.substr(equals + 1));
  require(difference > 0 && std::isfinite(difference), "option power: expected a difference > 0, found ", difference);
  detail::FoundCells cells(static_cast<std::size_t>(plan.size()));
  std::vector<std::string> metrics;
  for (std::int64_t n = 0; n < plan.size(); ++n) {
    if (!std::filesystem::exists(plan.file(n))) continue;
    const auto& cell = cells[static_cast<std::size_t>(n)].emplace(read_cell(plan.file(n)));
    for (const auto& m : cell.metrics)
      if (std::find(metrics.begin(), metrics.end(), m.name) == metrics.end()) metrics.push_back(m.name);
  }
  require(!metrics.empty(), "option power: no cell is in ", plan.options().out / "cells", " yet");
  if (!only.empty()) {
    require(std::find(metrics.begin(), metrics.end(), only) != metrics.end(), "option power: no cell has the metric '",
            only, "'");
    metrics = {only};
  }

  constexpr std::array<std::int64_t, 4> seeds{1, 3, 5, 10};
  std::string out = join("Targets that would show a difference of ", difference, " to `", plan.variants().front(),
                         "` with a probability of 80%, by one t-test over targets at 0.05 (Holm's correction for many "
                         "comparisons asks for more), from the deviations of the differences so far:\n");
  bool any = false;
  for (const auto& metric : metrics) {
    Table table{{metric, "between targets", "within targets"}};
    for (const auto each : seeds) table.columns.push_back(join(each, each == 1 ? " seed" : " seeds"));
    for (std::size_t v = 1; v < plan.variants().size(); ++v) {
      auto row =
          detail::power_row(plan.variants()[v], detail::found_differences(plan, cells, v, metric), difference, seeds);
      if (!row.empty()) table.add(std::move(row));
    }
    if (table.rows.empty()) continue;
    any = true;
    out += "\n" + table.markdown();
  }
  require(any, "option power: the deviation between targets needs cells of two variants on two targets or more");
  return out;
}

}  // namespace nada
