// Bodies of sweep.hpp.
#pragma once
#include "nada/experiment/sweep.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iostream>
#include <memory>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/ablation.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/menu_adaptation.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/metrics/measure.hpp"

namespace nada {

NADA_INLINE void SweepOptions::declare(OptionTable& table) {
  using enum OptionTable::Kind;
  table.group("Sweep");
  table.add("file", file, "the sweep file: options of `adapt`, some of which vary; also without --file", session,
            "FILE", /*positional=*/true);
  table.add("targets", targets, "names of targets in the list, with commas between them", saved, "NAMES");
  table.add("seeds", seeds, "how many seeds of each target, from 0 on, or a list such as 5,7", saved, "N|LIST");
  table.add("samples", samples, "combinations that are drawn at random; 0: all of them");
  table.add("draw-seed", draw_seed, "of the combinations that are drawn");
  table.add("best", best, "the metric that the best variant has the best mean of", saved, "METRIC");
  table.group("Measuring");
  table.add("count", cells.count, "samples that are measured in each cell");
  table.add("measure", cells.measure, "encoder that measures (default the embedded held-out one)");
  table.add("target-list", cells.target_list, "as for ablations (default configs/avatars/targets.json)");
  cells.declare_run(table);
  table.add("list", list, "prints the cells with their numbers and runs nothing", session);
  table.note(
      "Sweep files",
      "are option files. Each key above, but those under Run, may stand there, and each option of `adapt --help`. "
      "`lr = 0.001 | 0.002` tries both, `global = uniform(0.5, 4)` and `log-uniform(...)` draw; all else is as in "
      "the default recipe.");
}

NADA_INLINE std::vector<std::uint64_t> read_seeds(const std::string& text) {
  std::vector<std::uint64_t> out;
  if (text.find(',') == text.npos) {
    const auto count = read_number<std::uint64_t>("seeds", text);
    require(count >= 1 && count <= 10000, "option seeds: expected 1 to 10000 of them, found ", count);
    for (std::uint64_t seed = 0; seed < count; ++seed) out.push_back(seed);
    return out;
  }
  auto words = split_at(text, ',');
  if (words.size() > 1 && detail::trim(words.back()).empty()) words.pop_back();
  for (const auto& word : words) {
    const auto seed = read_number<std::uint64_t>("seeds", std::string(detail::trim(word)));
    require(std::find(out.begin(), out.end(), seed) == out.end(), "option seeds: ", seed, " is named twice");
    out.push_back(seed);
  }
  return out;
}

namespace detail {
/// Puts what an adaptation trains with into the options of cells.
NADA_INLINE void train_as(AblationOptions& cells, const AdaptOptions& adapt) {
  cells.generator = adapt.generator;
  cells.encoders = adapt.texts.encoders;
  cells.vocabulary = adapt.texts.vocabulary;
  cells.templates = adapt.texts.templates;
  cells.source = adapt.texts.source;
  cells.steps = adapt.steps;
  cells.batch = adapt.batch;
  cells.lr = adapt.lr;
  cells.precision = adapt.precision;
}
}  // namespace detail

NADA_INLINE void SweepOptions::settle(const AdaptOptions& first) {
  require(!first.texts.source.empty(), file, ": no source text was given; say what the generator's images are");
  cells.targets = targets;
  cells.seed_list = read_seeds(seeds);
  cells.seeds = static_cast<std::int64_t>(cells.seed_list.size());
  detail::train_as(cells, first);
  if (cells.out.empty()) cells.out = std::filesystem::path("runs") / join("sweep-", file.stem().string());
  cells.settle("sweep");
  const auto known = metric_list().names;
  require(best.starts_with("term:") || std::find(known.begin(), known.end(), best) != known.end(),
          "option best: there is no metric '", best, "'; they are ", detail::words_with(", ", known),
          " and term:NAME of loss terms");
}

NADA_INLINE Table sweep_table(const AblationResults& results, const std::vector<SweepVariant>& variants,
                              const std::vector<std::string>& columns, const std::string& metric,
                              bool higher_is_better) {
  const auto means = results.means();
  const auto place = std::find(means.columns.begin(), means.columns.end(), metric);
  require(place != means.columns.end(), "option best: no cell has the metric '", metric, "'");
  const auto value = [&](std::size_t v) {
    const auto& cell = means.rows[v][static_cast<std::size_t>(place - means.columns.begin())];
    require(cell.is_number, "option best: the variant ", variants[v].name, " lacks the metric '", metric, "'");
    return cell.estimate.value;
  };
  std::size_t best = 0;
  for (std::size_t v = 1; v < variants.size(); ++v)
    if (higher_is_better ? value(v) > value(best) : value(v) < value(best)) best = v;
  Table out{{"best", "variant"}};
  out.columns.insert(out.columns.end(), columns.begin(), columns.end());
  out.columns.insert(out.columns.end(), means.columns.begin() + 1, means.columns.end());
  for (std::size_t v = 0; v < variants.size(); ++v) {
    const auto d = v == best ? Estimate{} : results.difference(v, metric, best);
    const bool near = !d.has_interval() || (d.low() <= 0 && d.high() >= 0);
    std::vector<Cell> row{v == best ? "*" : near ? "=" : "", variants[v].name};
    for (const auto& one : variants[v].values) row.emplace_back(one.empty() ? "none" : one);
    row.insert(row.end(), means.rows[v].begin() + 1, means.rows[v].end());
    out.add(std::move(row));
  }
  return out;
}

namespace detail {

/// SweepProgram is one call of a sweep: its plan, what makes the adaptations, what is written.
class SweepProgram {
 public:
  SweepProgram(SweepOptions& o, OptionTable& table)
      : o_(o), table_(table), file_(o.file, table), variants_(settled_variants()), plan_(make_plan()) {}

  int run() {
    if (o_.list) {
      std::cout << cells().markdown();
      return 0;
    }
    return run_plan(plan_, {[] {}, [&] { keep(); },
                            [&](const std::string& name, const AblationCell& cell) { return make(name, cell); },
                            metric_list(), [&] { write(); }});
  }

 private:
  std::vector<SweepVariant> settled_variants() {
    // The first combination has what all of them share, which their names depend on
    const auto first = file_.variants(o_.samples, o_.draw_seed, {}).front();
    o_.settle(first.options);
    const auto& c = o_.cells;
    const auto measured = join("count = ", c.count, "\nmeasure = ", relative_to(c.measure, names_base()).string(),
                               "\ntarget-list = ", relative_to(c.target_list, names_base()).string(), "\n");
    auto out = file_.variants(o_.samples, o_.draw_seed, measured);
    for (const auto& variant : out) {
      require_unseen(variant.options.texts.encoders, c.measure);
      const auto& precision = variant.options.precision;
      require(precision == "float32" || precision == "bfloat16",
              "option precision: expected float32 or bfloat16 in a sweep, found '", precision, "'",
              precision == "auto" ? ", which is not the same on all machines" : "");
    }
    return out;
  }

  AblationPlan make_plan() const {
    PlanDetails details;
    std::vector<std::string> names;
    for (const auto& variant : variants_) {
      names.push_back(variant.name);
      auto& training = details.of_variants.emplace_back(o_.cells);
      train_as(training, variant.options);
      auto& values = details.values.emplace_back();
      for (std::size_t c = 0; c < variant.values.size(); ++c)
        values.emplace_back(file_.columns()[c], variant.values[c]);
      std::string label;
      for (std::size_t c = 0; c < variant.values.size(); ++c)
        label += join(c ? ", " : "", file_.columns()[c], " ", variant.values[c].empty() ? "none" : variant.values[c]);
      details.labels.push_back(label.empty() ? variant.name : label);
    }
    details.command = {"/proc/self/exe", (o_.cells.out / "sweep.cfg").string(), "--out", o_.cells.out.string()};
    details.made_by = made_by("sweep");
    return {o_.cells, names, std::move(details)};
  }

  /// Keeps the sweep file, complete and as seen from the folder; the cells of a running sweep read that one.
  void keep() const {
    if (o_.cells.cell >= 0) return;
    write_text(o_.cells.out / "sweep.cfg", join("# ", made_by("sweep"), "; `sweep` with this file repeats it\n",
                                                table_.render(o_.cells.out), file_.render(o_.cells.out)));
  }

  const SweepVariant& variant(const std::string& name) const {
    return *std::find_if(variants_.begin(), variants_.end(), [&](const auto& v) { return v.name == name; });
  }

  std::unique_ptr<Stepper> make(const std::string& name, const AblationCell& cell) const {
    auto options = variant(name).options;
    options.texts.targets = {cell.target_text};
    options.seed = cell.settings.seed;
    options.machine = o_.cells.machine;
    return make_adaptation(options.parts(cell.source, Members<AnyClip>(cell.encoders)));
  }

  Table cells() const {
    Table out{{"cell", "variant", "target", "seed", "done"}};
    out.columns.insert(out.columns.end(), file_.columns().begin(), file_.columns().end());
    for (std::int64_t n = 0; n < plan_.size(); ++n) {
      std::vector<Cell> row{std::to_string(n), plan_.variant(n), plan_.target(n).name, std::to_string(plan_.seed(n)),
                            std::filesystem::exists(plan_.file(n)) ? "yes" : "no"};
      for (const auto& value : variant(plan_.variant(n)).values) row.emplace_back(value.empty() ? "none" : value);
      out.add(std::move(row));
    }
    return out;
  }

  void write() const {
    const auto known = metric_list();
    const auto place = std::find(known.names.begin(), known.names.end(), o_.best) - known.names.begin();
    const bool higher = !o_.best.starts_with("term:") && known.higher_is_better[static_cast<std::size_t>(place)];
    const AblationResults results(plan_);
    const auto table = sweep_table(results, variants_, file_.columns(), o_.best, higher);
    std::vector<std::string> shown{"best", "variant"};
    shown.insert(shown.end(), file_.columns().begin(), file_.columns().end());
    const auto metrics = results.page_metrics();
    shown.insert(shown.end(), metrics.begin(), metrics.end());
    if (std::find(shown.begin(), shown.end(), o_.best) == shown.end()) shown.push_back(o_.best);
    const auto page = join(
        variants_.size(), variants_.size() == 1 ? " variant" : " variants", ", each on ", plan_.targets().size(),
        " targets and ", o_.cells.seeds, " seeds; ", o_.cells.count, " samples measured by ",
        o_.cells.measure.filename(), ". ", results.intervals_in_words(), " * has the best mean of `", o_.best,
        "`, = is not told apart from it (the interval of the paired difference holds 0). The best of many looks better "
        "than it is: run it again with other seeds or targets before you claim it.\n\n",
        table.only(shown).markdown());
    write_text(o_.cells.out / "results.csv", table.csv());
    write_text(o_.cells.out / "results.md", page);
    keep_best(table);
    write_result_files(plan_, results, page, {});
    std::cout << "results  " << (o_.cells.out / "results.csv").string() << "\nbest     "
              << (o_.cells.out / "best.cfg").string() << '\n';
  }

  /// Writes the options of the best variant, for `adapt --config`.
  void keep_best(const Table& table) const {
    for (std::size_t v = 0; v < variants_.size(); ++v)
      if (table.rows[v][0].text == "*")
        write_text(o_.cells.out / "best.cfg",
                   join("# The variant ", variants_[v].name, ", best of ", variants_.size(), " by ", o_.best,
                        "; adapt --config with this file and --target runs it\n",
                        computing_options(variants_[v].options, o_.cells.out)));
  }

  SweepOptions& o_;
  const OptionTable& table_;  // of the options o_
  SweepFile file_;
  std::vector<SweepVariant> variants_;
  AblationPlan plan_;
};

}  // namespace detail

NADA_INLINE int sweep(SweepOptions& options, OptionTable& table) {
  require_one_process(table.program());
  require(!options.file.empty(), "no sweep file was given; `", table.program(), " --help` says what stands in one");
  detail::SweepProgram program(options, table);
  options.cells.machine.use();
  return program.run();
}

}  // namespace nada
