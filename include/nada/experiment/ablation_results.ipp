// Bodies of ablation_results.hpp.
#pragma once
#include "nada/experiment/ablation_results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/child.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture.hpp"
#include "nada/formats/picture_set.hpp"
#include "nada/metrics/estimate.hpp"

namespace nada {

NADA_INLINE AblationResults::AblationResults(const AblationPlan& plan) : plan_(plan) {
  for (std::int64_t n = 0; n < plan.size(); ++n) cells_.push_back(read_cell(plan.file(n)));
  for (const auto* name : {"found", "text_score", "directional_score", "frechet", "kernel_distance", "cmmd",
                           "precision", "recall", "intra_cluster", "pairwise", "pixels", "identity"})
    if (std::all_of(cells_.begin(), cells_.end(), [&](const CellResult& cell) { return cell.metrics.contains(name); }))
      metrics_.emplace_back(name);
}

NADA_INLINE std::vector<double> AblationResults::of_variant(
    std::size_t variant, const std::function<double(const CellResult&)>& number) const {
  std::vector<double> out;
  for (auto n = variant; n < cells_.size(); n += plan_.variants().size()) out.push_back(number(cells_[n]));
  return out;
}

NADA_INLINE std::vector<double> AblationResults::of_variant(std::size_t variant, const std::string& metric) const {
  return of_variant(variant, [&](const CellResult& cell) { return cell.metrics.at(metric); });
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
    for (const auto& name : metrics_) row.push_back(Cell::number(cell.metrics.at(name)));
    out.add(std::move(row));
  }
  return out;
}

NADA_INLINE Table AblationResults::means() const {
  auto out = with_metrics({"variant"});
  for (std::size_t v = 0; v < plan_.variants().size(); ++v) {
    std::vector<Cell> row{plan_.variants()[v]};
    for (const auto& name : metrics_) row.emplace_back(mean_estimate(of_variant(v, name)));
    out.add(std::move(row));
  }
  return out;
}

NADA_INLINE Table AblationResults::differences() const {
  auto out = with_metrics({"variant"});
  for (std::size_t v = 1; v < plan_.variants().size(); ++v) {
    std::vector<Cell> row{plan_.variants()[v]};
    for (const auto& name : metrics_) row.emplace_back(paired_difference(of_variant(v, name), of_variant(0, name)));
    out.add(std::move(row));
  }
  return out;
}

NADA_INLINE Table AblationResults::costs() const {
  Table out{{"variant", "seconds", "parameters", "peak_mib"}};
  const auto whole = [](double number) { return std::to_string(std::llround(number)); };
  for (std::size_t v = 0; v < plan_.variants().size(); ++v) {
    const auto seconds = of_variant(v, [](const CellResult& cell) { return cell.seconds; });
    const auto counts = of_variant(v, [](const CellResult& cell) { return static_cast<double>(cell.parameters); });
    const auto peaks = of_variant(v, [](const CellResult& cell) { return cell.peak_mib; });
    out.add({plan_.variants()[v], mean_estimate(seconds), whole(mean_estimate(counts).value),
             whole(*std::max_element(peaks.begin(), peaks.end()))});
  }
  return out;
}

NADA_INLINE std::string AblationResults::page() const {
  const std::vector<std::string> on_page{"variant", "found",         "text_score", "frechet", "cmmd",
                                         "recall",  "intra_cluster", "pixels",     "identity"};
  const auto& o = plan_.options();
  const auto& variants = plan_.variants();
  std::string names;
  for (const auto& name : plan_.targets()) names += (names.empty() ? "" : ", ") + name;
  return join("Mean over ", cells_.size() / variants.size(), " cells (targets ", names, "; ", o.seeds, " seeds each), ",
              o.steps, " steps of ", o.batch, ", ", o.count, " samples measured by ", o.measure.filename(),
              "; ± is the 95% t-interval over cells.\n\n", means().only(on_page).markdown(),
              variants.size() > 1 ? join("\nPaired differences to `", variants.front(), "`:\n\n",
                                         differences().only(on_page).markdown())
                                  : "",
              "\nCost of a cell (one thread; most memory over the cells):\n\n", costs().markdown());
}

NADA_INLINE bool plot_means(const Table& means, const std::filesystem::path& folder) {
  std::string data = "# variant";
  for (std::size_t c = 1; c < means.columns.size(); ++c) data += " " + means.columns[c] + " low high";
  data += "\n";
  for (const auto& row : means.rows) {
    data += row[0].text;
    for (std::size_t c = 1; c < row.size(); ++c) {
      const auto& e = row[c].estimate;
      data += join(" ", e.value, " ", e.has_interval() ? e.low() : e.value, " ", e.has_interval() ? e.high() : e.value);
    }
    data += "\n";
  }
  write_text(folder / "plot.dat", data);
  const auto charts = means.columns.size() - 1, rows = (charts + 2) / 3;
  std::string script =
      join("set terminal pngcairo size 1500,", 260 * rows, " font ',10'\nset output 'plot.png'\nset multiplot layout ",
           rows, ",3\nunset key\nset grid ytics lc rgb '#dddddd'\nset xtics rotate by -30\nset offsets 0.5,0.5,0,0\n");
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

namespace detail {
/// grid.png: the source's samples, then a row a variant of the first target and seed.
NADA_INLINE void write_grid(const AblationPlan& plan) {
  const auto source = load_generator(plan.options().generator);
  const torch::NoGradGuard no_grad;
  const auto z = Stream{1, 0}.normal(Purpose::evaluation, {12, source.latent_size()});
  std::vector<std::vector<Picture>> rows{to_pictures(source.synthesize(source.map(z)))};
  for (std::size_t v = 0; v < plan.variants().size(); ++v) {
    const auto strip = read_picture(plan.picture(static_cast<std::int64_t>(v)));
    rows.push_back(cut_tiles(strip, source.resolution(), "a cell's picture"));
  }
  write_picture(plan.options().out / "grid.png", make_grid(rows, 64));
}
}  // namespace detail

NADA_INLINE void write_results(const AblationPlan& plan) {
  const AblationResults results(plan);
  const auto& out = plan.options().out;
  const auto means = results.means();
  const auto page = results.page();
  write_text(out / "cells.csv", results.cells().csv());
  write_text(out / "means.csv", means.csv());
  write_text(out / "differences.csv", results.differences().csv());
  write_text(out / "costs.csv", results.costs().csv());
  write_text(out / "table.md", page);
  detail::write_grid(plan);
  const auto plotted = plot_means(means, out);
  std::cout << page << "\ntables   " << (out / "table.md").string() << "\npictures " << (out / "grid.png").string()
            << '\n';
  if (plotted)
    std::cout << "plots    " << (out / "plot.png").string() << '\n';
  else
    std::cerr << "warning: gnuplot is not installed or failed; " << (out / "plot.gp").string() << " draws the plots\n";
}

}  // namespace nada
