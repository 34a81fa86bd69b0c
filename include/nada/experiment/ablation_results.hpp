/// What the cells of an ablation say together: tables, plots, a grid of samples.
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/table.hpp"

namespace nada {

/// The numbers of all cells, as tables. A metric is in them where every cell has it: a target without pictures lacks
/// those that compare with real ones. The plan must outlive it.
class AblationResults {
 public:
  /// Reads the files of all cells. Errors:  a file that is missing or damaged, naming it.
  explicit AblationResults(const AblationPlan& plan);

  /// Names of the metrics in the tables, in their order.
  const std::vector<std::string>& metrics() const { return metrics_; }

  /// A row a cell, in the plan's order: variant, target, seed, costs, metrics.
  Table cells() const;
  /// A row a variant: the mean of each metric over the cells, with its t-interval.
  Table means() const;
  /// A row a variant but the first: the mean over targets and seeds of its metric less the first variant's of the same
  /// target and seed, with its t-interval.
  Table differences() const;
  /// A row a variant: mean seconds of a cell with their t-interval, numbers that trained, most MiB over the cells.
  Table costs() const;

  /// table.md: means, differences and costs in words and tables. A page has room for some metrics; the CSV files have
  /// all of them.
  std::string page() const;

 private:
  /// One number of each cell of a variant, in the order of targets and seeds.
  std::vector<double> of_variant(std::size_t variant, const std::function<double(const CellResult&)>& number) const;
  std::vector<double> of_variant(std::size_t variant, const std::string& metric) const;
  Table with_metrics(std::vector<std::string> columns) const;

  const AblationPlan& plan_;
  std::vector<CellResult> cells_;
  std::vector<std::string> metrics_;
};

/// Writes plot.dat and plot.gp, which draws one chart a metric of a table of means, and runs it: plot.png. Returns
/// false where gnuplot is not installed or fails.
bool plot_means(const Table& means, const std::filesystem::path& folder);

/// Writes cells.csv, means.csv, differences.csv, costs.csv, table.md, grid.png and the plots into the folder of a plan
/// whose cells are all there, and prints table.md. Errors:  those of AblationResults; a file that cannot be written.
void write_results(const AblationPlan& plan);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_results.ipp"
#endif
