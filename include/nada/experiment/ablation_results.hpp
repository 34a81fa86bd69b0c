/// What the cells of an ablation say together: tables and plots.
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/table.hpp"
#include "nada/metrics/comparison.hpp"
#include "nada/metrics/estimate.hpp"

namespace nada {

/// The numbers of all cells, as tables. Cells of one target resemble each other, so that a mean is over targets of the
/// means over seeds, with the t-interval of the targets' spread; with a single target, over its seeds. Shares have the
/// intervals of nested_share() and difference_of_shares(). The plan must outlive the results.
class AblationResults {
 public:
  /// Reads the files of all cells. Errors:  a file that is missing or damaged, naming it.
  explicit AblationResults(const AblationPlan& plan);

  /// Names of the columns, in the order of the cells' files: metrics and loss terms that all cells of some variant have. A
  /// target without pictures lacks those that compare with real ones, a variant the terms of others.
  const std::vector<std::string>& metrics() const { return metrics_; }

  /// A row a cell, in the plan's order: variant, target, seed, costs, metrics.
  Table cells() const;
  /// A row a variant: the mean of each metric, empty where a cell of the variant lacks the metric.
  Table means() const;
  /// A row a variant but the first: the mean difference of its metric to the first variant's of the same target and seed.
  Table differences() const;
  /// A row a variant: mean seconds of a cell, numbers that trained, most MiB over the cells.
  Table costs() const;

  /// Comparison is the difference of a variant to the first one in one metric.
  struct Comparison {
    std::size_t variant;
    std::string metric;
    Estimate difference;
    double p, p_holm;  // as it is, and corrected for all comparisons; NaN: there is no interval
    bool stands() const { return p_holm <= 1 - Estimate::confidence; }
  };
  /// The comparisons in the page's metrics, by variants, corrected for being tested at once.
  std::vector<Comparison> comparisons() const;

  /// table.md: means, differences and costs in words and tables. A page has room for some metrics, and for all of the
  /// user's own; the CSV files have all of them.
  std::string page() const;

  /// How many cells hold a metric.
  std::size_t count(const std::string& metric) const;

  /// Whether all cells of a variant hold a metric.
  bool has(std::size_t variant, const std::string& metric) const;
  /// The mean difference of a variant to another one on the same targets and seeds, in a metric that both have.
  Estimate difference(std::size_t variant, const std::string& metric, std::size_t other = 0) const;
  /// The metrics that a page has room for.
  std::vector<std::string> page_metrics() const;
  /// What a page says of its intervals.
  std::string intervals_in_words() const;

 private:
  using Number = std::function<double(const CellResult&)>;
  /// One number of each cell of a variant, by targets.
  Groups of_variant(std::size_t variant, const Number& number) const;
  Groups values(std::size_t variant, const std::string& metric) const;
  Groups counts(std::size_t variant, const std::string& metric) const;

  /// Of how many the value of a metric in a cell is a share; 0: it is none.
  std::int64_t share_of(const CellResult& cell, const std::string& metric) const;
  bool is_share(std::size_t variant, const std::string& metric) const;
  Estimate mean(std::size_t variant, const std::string& metric) const;

  Table with_metrics(std::vector<std::string> columns) const;
  /// What the page says of steps, batch, samples and the code.
  std::string training_in_words() const;

  const AblationPlan& plan_;
  std::vector<CellResult> cells_;
  std::vector<std::string> metrics_;
};

/// Writes plot.dat and plot.gp, which draws one chart a metric of a table of means, and runs it: plot.png. Returns
/// false where gnuplot is not installed or fails.
bool plot_means(const Table& means, const std::filesystem::path& folder);

/// Writes the tables, grids and plots of write_results(), prints `page` and the names of the files, and says which of the
/// metrics `own` some cells lack.
void write_result_files(const AblationPlan& plan, const AblationResults& results, const std::string& page,
                        const std::vector<std::string>& own);

/// Writes cells.csv, means.csv, differences.csv, comparisons.csv, costs.csv, table.md, the grids and the plots into the
/// folder of a plan whose cells are all there, prints table.md, and says which of the metrics `own` some cells lack.
/// Errors:  those of AblationResults; a file that cannot be written.
void write_results(const AblationPlan& plan, const std::vector<std::string>& own = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_results.ipp"
#endif
