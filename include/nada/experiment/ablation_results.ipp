// Bodies of ablation_results.hpp.
#pragma once
#include "nada/experiment/ablation_results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "nada/core/child.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/ablation_grid.hpp"
#include "nada/formats/file.hpp"
#include "nada/metrics/directional_score.hpp"
#include "nada/metrics/diversity.hpp"
#include "nada/metrics/kernel_distance.hpp"
#include "nada/metrics/precision_recall.hpp"
#include "nada/metrics/text_score.hpp"

namespace nada {

NADA_INLINE AblationResults::AblationResults(const AblationPlan& plan) : plan_(plan) {
  for (std::int64_t n = 0; n < plan.size(); ++n) cells_.push_back(read_cell(plan.file(n)));
  for (const auto& cell : cells_) {
    auto place = metrics_.begin();  // behind the one before in this cell, so that the orders of all cells are kept
    for (const auto& m : cell.metrics) {
      const auto known = std::find(metrics_.begin(), metrics_.end(), m.name);
      place = (known == metrics_.end() ? metrics_.insert(place, m.name) : known) + 1;
    }
  }
  std::erase_if(metrics_, [&](const std::string& name) {
    for (std::size_t v = 0; v < plan_.variants().size(); ++v)
      if (has(v, name)) return false;
    return true;
  });
}

NADA_INLINE Groups AblationResults::of_variant(std::size_t variant, const Number& number) const {
  const auto each = static_cast<std::size_t>(plan_.options().seeds), variants = plan_.variants().size();
  Groups out(cells_.size() / variants / each);
  for (std::size_t i = 0; i < cells_.size() / variants; ++i)
    out[i / each].push_back(number(cells_[i * variants + variant]));
  return out;
}

NADA_INLINE Groups AblationResults::values(std::size_t variant, const std::string& metric) const {
  return of_variant(variant, [&](const CellResult& cell) { return cell.find(metric)->value; });
}

NADA_INLINE Groups AblationResults::counts(std::size_t variant, const std::string& metric) const {
  return of_variant(variant, [&](const CellResult& cell) { return static_cast<double>(share_of(cell, metric)); });
}

NADA_INLINE std::size_t AblationResults::count(const std::string& metric) const {
  return static_cast<std::size_t>(
      std::count_if(cells_.begin(), cells_.end(), [&](const auto& cell) { return cell.find(metric) != nullptr; }));
}

NADA_INLINE bool AblationResults::has(std::size_t variant, const std::string& metric) const {
  for (auto n = variant; n < cells_.size(); n += plan_.variants().size())
    if (!cells_[n].find(metric)) return false;
  return true;
}

NADA_INLINE std::int64_t AblationResults::share_of(const CellResult& cell, const std::string& metric) const {
  const auto* found = cell.find(metric);
  if (found && found->share_of > 0) return found->share_of;
  // Files of the first form do not say it; of recall they do not say the number of pictures either
  return metric == Found::name || metric == Precision::name ? plan_.options().count : 0;
}

NADA_INLINE bool AblationResults::is_share(std::size_t variant, const std::string& metric) const {
  for (auto n = variant; n < cells_.size(); n += plan_.variants().size())
    if (share_of(cells_[n], metric) == 0) return false;
  return true;
}

NADA_INLINE Estimate AblationResults::mean(std::size_t variant, const std::string& metric) const {
  const auto numbers = values(variant, metric);
  return is_share(variant, metric) ? nested_share(numbers, counts(variant, metric)) : nested_mean(numbers);
}

NADA_INLINE Estimate AblationResults::difference(std::size_t variant, const std::string& metric,
                                                 std::size_t other) const {
  const auto ours = values(variant, metric), theirs = values(other, metric);
  if (is_share(variant, metric) && is_share(other, metric))
    return difference_of_shares(ours, counts(variant, metric), theirs, counts(other, metric));
  return nested_mean(paired(ours, theirs));
}

NADA_INLINE Table AblationResults::with_metrics(std::vector<std::string> columns) const {
  columns.insert(columns.end(), metrics_.begin(), metrics_.end());
  return Table{std::move(columns)};
}

NADA_INLINE Table AblationResults::cells() const {
  auto out = with_metrics({"variant", "target", "seed", "seconds", "parameters", "peak_mib"});
  for (const auto& cell : cells_) {
    std::vector<Cell> row{cell.variant, cell.target, std::to_string(cell.seed)};
    row.push_back(Cell::number(cell.seconds));
    row.push_back(Cell::number(static_cast<double>(cell.parameters)));
    row.push_back(Cell::number(cell.peak_mib));
    for (const auto& name : metrics_) {
      const auto* metric = cell.find(name);
      row.push_back(metric ? Cell::number(metric->value) : Cell(""));
    }
    out.add(std::move(row));
  }
  return out;
}

NADA_INLINE Table AblationResults::means() const {
  auto out = with_metrics({"variant"});
  for (std::size_t v = 0; v < plan_.variants().size(); ++v) {
    std::vector<Cell> row{plan_.variants()[v]};
    for (const auto& name : metrics_) row.push_back(has(v, name) ? Cell(mean(v, name)) : Cell(""));
    out.add(std::move(row));
  }
  return out;
}

NADA_INLINE Table AblationResults::differences() const {
  auto out = with_metrics({"variant"});
  for (std::size_t v = 1; v < plan_.variants().size(); ++v) {
    std::vector<Cell> row{plan_.variants()[v]};
    for (const auto& name : metrics_)
      row.push_back(has(v, name) && has(0, name) ? Cell(difference(v, name)) : Cell(""));
    out.add(std::move(row));
  }
  return out;
}

NADA_INLINE Table AblationResults::costs() const {
  Table out{{"variant", "seconds", "parameters", "peak_mib"}};
  const auto whole = [](double number) { return std::to_string(std::llround(number)); };
  for (std::size_t v = 0; v < plan_.variants().size(); ++v) {
    const auto seconds = of_variant(v, [](const CellResult& cell) { return cell.seconds; });
    const auto sizes = of_variant(v, [](const CellResult& cell) { return static_cast<double>(cell.parameters); });
    double peak = 0;
    for (auto n = v; n < cells_.size(); n += plan_.variants().size()) peak = std::max(peak, cells_[n].peak_mib);
    out.add({plan_.variants()[v], nested_mean(seconds), whole(nested_mean(sizes).value), whole(peak)});
  }
  return out;
}

NADA_INLINE std::vector<std::string> AblationResults::page_metrics() const {
  static const std::set<std::string_view> elsewhere{DirectionalScore::name, KernelDistance::name, Precision::name,
                                                    PairwiseDistance::name};
  std::vector<std::string> out;
  for (const auto& name : metrics_)
    if (!elsewhere.contains(name) && !name.starts_with("term:")) out.push_back(name);
  return out;
}

NADA_INLINE std::vector<AblationResults::Comparison> AblationResults::comparisons() const {
  std::vector<Comparison> out;
  std::vector<double> p;
  for (std::size_t v = 1; v < plan_.variants().size(); ++v)
    for (const auto& name : page_metrics()) {
      if (!has(v, name) || !has(0, name)) continue;
      const auto d = difference(v, name);
      p.push_back(p_value(d));
      out.push_back({v, name, d, p.back(), 0});
    }
  const auto corrected = holm(p);
  for (std::size_t i = 0; i < out.size(); ++i) out[i].p_holm = corrected[i];
  return out;
}

NADA_INLINE std::string AblationResults::intervals_in_words() const {
  const auto targets = plan_.targets().size();
  const auto seeds = plan_.options().seeds;
  if (targets == 1 && seeds == 1)
    return "With a single cell only shares have an interval (95%), of the samples of this cell.";
  const auto over = targets > 1 ? join("the ", targets, " targets") : join("the ", seeds, " seeds");
  return join("± is the 95% t-interval over ", over,
              targets > 1 ? "" : " of this one target, and says nothing of other targets",
              "; shares, as low to high, have Wilson's, of as many samples as their spread over ", over, " is worth.");
}

NADA_INLINE std::string AblationResults::training_in_words() const {
  const auto& o = plan_.options();
  bool same = true;
  for (std::size_t v = 0; v < plan_.variants().size(); ++v) {
    const auto& training = plan_.training(static_cast<std::int64_t>(v));
    same = same && training.steps == o.steps && training.batch == o.batch;
  }
  std::map<std::string, std::int64_t> makers;
  for (const auto& cell : cells_) ++makers[cell.made_by];
  std::string code;
  if (makers.size() > 1)
    for (const auto& [by, cells] : makers)
      code += join(code.empty() ? "; cells made by " : ", ", by.empty() ? "an unknown version" : by, " (", cells, ")");
  return join(same ? join(o.steps, " steps of ", o.batch) : "steps and batch of each variant", ", ", o.count,
              " samples measured by ", o.measure.filename(), code, ". ");
}

NADA_INLINE std::string AblationResults::page() const {
  const auto& o = plan_.options();
  const auto& variants = plan_.variants();
  const auto targets = plan_.targets();
  std::string names;
  for (const auto& name : targets) names += (names.empty() ? "" : ", ") + name;
  const auto shown = page_metrics();
  std::vector<std::string> columns{"variant"};
  columns.insert(columns.end(), shown.begin(), shown.end());
  std::string out = join("Mean over ", targets.size(), targets.size() == 1 ? " target (" : " targets (", names,
                         ") of the mean over ", o.seeds, o.seeds == 1 ? " seed" : " seeds", "; ", training_in_words(),
                         intervals_in_words(), "\n\n", means().only(columns).markdown());
  if (variants.size() > 1) {
    const auto compared = comparisons();
    Table table{columns};
    for (std::size_t v = 1; v < variants.size(); ++v) {
      std::vector<Cell> row{variants[v]};
      for (const auto& name : shown) {
        const auto found = std::find_if(compared.begin(), compared.end(),
                                        [&](const auto& c) { return c.variant == v && c.metric == name; });
        auto& cell = row.emplace_back(found == compared.end() ? Cell("") : Cell(found->difference));
        if (found != compared.end() && found->stands()) cell.mark = "*";
      }
      table.add(std::move(row));
    }
    const auto tests = std::count_if(compared.begin(), compared.end(), [](const auto& c) { return !std::isnan(c.p); });
    out += join("\nDifferences to `", variants.front(), "` on the same target and seed",
                tests == 0 ? std::string()
                           : join("; * marks what stands at 0.05, by Holm's correction for the ", tests,
                                  tests == 1 ? " comparison" : " comparisons", " of this table"),
                ":\n\n", table.markdown());
  }
  return join(out, "\nCost of a cell (one thread; most memory over the cells):\n\n", costs().markdown());
}

NADA_INLINE bool plot_means(const Table& means, const std::filesystem::path& folder) {
  std::string data = "# variant";
  for (std::size_t c = 1; c < means.columns.size(); ++c) data += " " + means.columns[c] + " low high";
  data += "\n";
  for (const auto& row : means.rows) {
    data += row[0].text;
    for (std::size_t c = 1; c < row.size(); ++c) {
      const auto& e = row[c].estimate;
      data += row[c].is_number ? join(" ", e.value, " ", e.has_interval() ? e.low() : e.value, " ",
                                      e.has_interval() ? e.high() : e.value)
                               : " ? ? ?";  // the variant lacks the metric
    }
    data += "\n";
  }
  write_text(folder / "plot.dat", data);
  const auto charts = means.columns.size() - 1, rows = (charts + 2) / 3;
  std::string script =
      join("set terminal pngcairo size 1500,", 260 * rows, " font ',10'\nset output 'plot.png'\nset multiplot layout ",
           rows, ",3\nunset key\nset grid ytics lc rgb '#dddddd'\nset xtics rotate by -30\nset xrange [-0.5:",
           static_cast<double>(means.rows.size()) - 0.5, "]\nset datafile missing '?'\n");
  for (std::size_t c = 0; c < charts; ++c)
    script += join("set title '", means.columns[c + 1], "' noenhanced\nplot 'plot.dat' using 0:", 2 + 3 * c, ":",
                   3 + 3 * c, ":", 4 + 3 * c, ":xtic(1) with yerrorbars pt 7 lc rgb '#2060a0'\n");
  write_text(folder / "plot.gp", script + "unset multiplot\n");
  try {
    return Child({"gnuplot", "-e", "cd '" + folder.string() + "'", "plot.gp"}).wait() == 0;
  } catch (const Error&) {  // gnuplot is not installed
    return false;
  }
}

NADA_INLINE void write_results(const AblationPlan& plan, const std::vector<std::string>& own) {
  const AblationResults results(plan);
  write_result_files(plan, results, results.page(), own);
}

NADA_INLINE void write_result_files(const AblationPlan& plan, const AblationResults& results, const std::string& page,
                                    const std::vector<std::string>& own) {
  const auto& out = plan.options().out;
  const auto means = results.means();
  Table compared{{"variant", "metric", "difference", "p", "p_holm"}};
  for (const auto& c : results.comparisons())
    compared.add({plan.variants()[c.variant], c.metric, c.difference, Cell::number(c.p), Cell::number(c.p_holm)});
  write_text(out / "cells.csv", results.cells().csv());
  write_text(out / "means.csv", means.csv());
  write_text(out / "differences.csv", results.differences().csv());
  write_text(out / "comparisons.csv", compared.csv());
  write_text(out / "costs.csv", results.costs().csv());
  write_text(out / "table.md", results.page());
  const auto grids = write_grids(plan);
  const auto plotted = plot_means(means, out);
  std::cout << page << "\ntables   " << (out / "table.md").string() << '\n';
  for (const auto& grid : grids) std::cout << "pictures " << grid.string() << '\n';
  if (plotted)
    std::cout << "plots    " << (out / "plot.png").string() << '\n';
  else
    std::cerr << "warning: gnuplot is not installed or failed; " << (out / "plot.gp").string() << " draws the plots\n";
  for (const auto& name : own)
    if (results.count(name) < static_cast<std::size_t>(plan.size()))
      std::cerr << "note: " << results.count(name) << " of " << plan.size() << " cells hold the metric " << name
                << "; a cell whose file in " << (out / "cells").string() << " is removed is run and measured again\n";
}

}  // namespace nada
