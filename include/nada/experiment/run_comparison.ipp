// Bodies of run_comparison.hpp.
#pragma once
#include "nada/experiment/run_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/ablation_options.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/metrics/comparison.hpp"

namespace nada {

namespace detail {

/// Reads options as a run saved them. Those that an adaptation or an ablation has too are resolved from the file's folder, so
/// that one model has one name; others stay as they are.
NADA_INLINE std::map<std::string, std::string> read_saved_options(const std::filesystem::path& file) {
  AdaptOptions adapt;
  AblationOptions ablation;
  OptionTable adapt_table{"compare", "", ""}, ablation_table{"compare", "", ""};
  adapt.declare(adapt_table);
  ablation.declare(ablation_table);
  std::map<std::string, std::string> out;
  const auto base = std::filesystem::absolute(file).parent_path();
  for (const auto& line : read_options(file)) {
    auto value = line.value;
    try {
      for (auto* table : {&adapt_table, &ablation_table})
        if (table->saves(line.key)) {
          table->assign(line.key, {line.value}, base);
          const auto values = table->value(line.key);
          value = values.empty() ? "" : values.front();
          break;
        }
    } catch (const Error&) {  // such as a range of a sweep file
    }
    auto& known = out[line.key];
    known += (known.empty() ? "" : " ") + value;
  }
  return out;
}

/// Returns what the first line of an option file says of the code: the text between "# " and ";".
NADA_INLINE std::string code_of(const std::filesystem::path& options_file) {
  const auto text = read_text(options_file);
  if (!text.starts_with("# ")) return {};
  const auto line = text.substr(2, text.find('\n') - 2);
  const auto end = line.find(';');
  return end == line.npos ? std::string() : line.substr(0, end);
}

/// Fills in what metrics.csv says.
NADA_INLINE void add_losses(FinishedRun& run, const std::filesystem::path& file) {
  const auto rows = read_csv(file);
  require(!rows.empty() && rows.front().size() >= 3 && rows.front()[0] == "step" && rows.front().back() == "seconds",
          file, ": expected the columns step, loss, ..., seconds");
  const auto& header = rows.front();
  const auto number = [&](const std::string& text) -> std::optional<double> {
    if (text.empty()) return {};
    try {
      return read_number<double>("a number", text);
    } catch (const Error&) {
      fail(file, " is damaged: found '", text, "', expected a number");
    }
  };
  run.steps = static_cast<std::int64_t>(rows.size()) - 1;
  for (std::size_t r = 1; r < rows.size(); ++r) run.seconds += number(rows[r].back()).value_or(0);
  const auto last = static_cast<std::size_t>(std::min<std::int64_t>(run.steps, steps_of_final_terms));
  for (std::size_t c = 1; c + 1 < header.size(); ++c) {
    double sum = 0;
    int count = 0;
    for (auto r = rows.size() - last; r < rows.size(); ++r)
      if (const auto x = number(rows[r][c])) sum += *x, ++count;
    if (count > 0) run.numbers.emplace_back(header[c], Cell::number(sum / count).estimate);
  }
}

/// Returns a value with the ends of its interval; NaN: it has none.
NADA_INLINE Estimate estimate_of(double value, double low, double high) {
  Estimate e;
  e.value = value;
  if (!std::isfinite(low) || !std::isfinite(high)) return e;
  e.half_width = (high - low) / 2;
  const double offset = (high + low) / 2 - value;
  if (std::abs(offset) > 1e-9 * e.half_width) e.offset = offset;
  return e;
}

/// Adds the numbers of a table that `evaluate` wrote, of the row of this run's delta.
NADA_INLINE void add_measures(FinishedRun& run, const std::filesystem::path& folder,
                              const std::filesystem::path& file) {
  const auto json = nlohmann::json::parse(read_text(file), nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return;
  for (const auto& row : json) {
    if (!row.is_object() || !row.contains("generator") || !row["generator"].is_string()) return;
    const std::filesystem::path generator(row["generator"].get<std::string>());
    std::error_code ignored;
    const bool ours =
        std::filesystem::exists(generator, ignored)
            ? std::filesystem::equivalent(generator, folder / "adapted.safetensors", ignored)
            : generator.filename() == "adapted.safetensors" && generator.parent_path().filename() == folder.filename();
    if (!ours) continue;
    for (const auto& [name, value] : row.items()) {
      if (!value.is_object() || !value.contains("value") || !value["value"].is_number()) continue;
      const double nothing = std::nan("");
      auto e = estimate_of(value["value"].get<double>(), value.value("low", nothing), value.value("high", nothing));
      for (const auto& [share, of] : {std::pair{"found", "samples"}, {"precision", "samples"}, {"recall", "real"}})
        if (name == share && row.contains(of) && row[of].is_string())
          e.share_of = read_number<std::int64_t>(of, row[of].get<std::string>());
      run.numbers.emplace_back(name, e);
    }
  }
}

/// Options that say which cells there are, where and how they ran, but not what they compute.
NADA_INLINE const std::set<std::string>& no_difference() {
  static const std::set<std::string> names{"threads",     "device",      "samples-every",
                                           "state-every", "tensorboard", "deltas"};
  return names;
}

}  // namespace detail

NADA_INLINE FinishedRun read_run(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  require(fs::is_directory(folder), folder, " is no folder of a run");
  require(fs::exists(folder / "options.cfg"), folder, " is not the folder of a run: it has no options.cfg");
  FinishedRun out;
  out.name = folder.string();
  out.options = detail::read_saved_options(folder / "options.cfg");
  out.code = detail::code_of(folder / "options.cfg");
  if (fs::exists(folder / "metrics.csv")) detail::add_losses(out, folder / "metrics.csv");
  const auto wanted = out.options.contains("steps") ? read_number<std::int64_t>("steps", out.options["steps"]) : 0;
  out.options.erase("steps");  // a column of its own
  if (out.steps < wanted)
    out.trouble = join("is unfinished: ", out.steps, " of ", wanted, " steps");
  else if (!fs::exists(folder / "adapted.safetensors"))
    out.trouble = "is unfinished: it has no adapted.safetensors";
  std::set<fs::path> tables;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") tables.insert(entry.path());
  for (const auto& file : tables) detail::add_measures(out, folder, file);
  auto beside = folder;
  if (fs::exists(beside += ".json")) detail::add_measures(out, folder, beside);
  return out;
}

NADA_INLINE FinishedRun read_run_of_cell(const std::filesystem::path& folder, const std::filesystem::path& file) {
  const auto cell = read_cell(file);
  FinishedRun out;
  out.name = (folder / file.stem()).string();
  for (const auto* options : {"options.cfg", "sweep.cfg"})
    if (std::filesystem::exists(folder / options)) {
      out.options = detail::read_saved_options(folder / options);
      out.code = detail::code_of(folder / options);
    }
  for (const auto* key : {"targets", "seeds", "only", "quick", "samples", "draw-seed", "best"}) out.options.erase(key);
  for (const auto& [name, value] : cell.options) {
    const auto point = name.find('.');
    out.options.erase(name.substr(0, point));
  }
  for (const auto& [name, value] : cell.options) out.options[name] = value;
  out.options["variant"] = cell.variant;
  out.options["target"] = cell.target;
  out.options["seed"] = std::to_string(cell.seed);
  if (out.options.contains("steps")) out.steps = read_number<std::int64_t>("steps", out.options["steps"]);
  out.options.erase("steps");
  if (!cell.made_by.empty()) out.code = cell.made_by;
  out.seconds = cell.seconds;
  out.numbers.emplace_back("loss", Cell::number(cell.loss).estimate);
  for (const auto& m : cell.metrics) {
    auto e = detail::estimate_of(m.value, m.low, m.high);
    e.share_of = m.share_of;
    out.numbers.emplace_back(m.name.starts_with("term:") ? m.name.substr(5) : m.name, e);
  }
  return out;
}

NADA_INLINE std::vector<FinishedRun> read_runs(const std::filesystem::path& path, std::vector<std::string>& troubles) {
  namespace fs = std::filesystem;
  std::vector<FinishedRun> out;
  const auto read = [&](auto&& reader) {
    try {
      out.push_back(reader());
      if (!out.back().trouble.empty()) troubles.push_back(out.back().name + " " + out.back().trouble);
    } catch (const Error& error) {
      troubles.push_back(error.what());
    }
  };
  auto folder = path;
  if (!folder.has_filename()) folder = folder.parent_path();  // a path that ends in a slash
  if (!fs::is_directory(folder / "cells")) {
    read([&] { return read_run(folder); });
    return out;
  }
  std::set<fs::path> cells;
  for (const auto& entry : fs::directory_iterator(folder / "cells"))
    if (entry.path().extension() == ".json") cells.insert(entry.path());
  if (cells.empty()) troubles.push_back(join(folder, " is unfinished: no cell of it is there"));
  for (const auto& file : cells) read([&] { return read_run_of_cell(folder, file); });
  return out;
}

namespace detail {

/// Returns runs in groups of those whose options are the same but for the seed and what changes no number, in the order of
/// their first ones; without `group`, a group a run.
NADA_INLINE std::vector<std::vector<const FinishedRun*>> groups_of(const std::vector<FinishedRun>& runs, bool group) {
  std::vector<std::vector<const FinishedRun*>> out;
  const auto key = [](const FinishedRun& run) {
    auto options = run.options;
    options.erase("seed");
    options["steps"] = std::to_string(run.steps);
    std::erase_if(options, [](const auto& o) { return no_difference().contains(o.first); });
    return options;
  };
  for (const auto& run : runs) {
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const auto& g) { return group && key(*g.front()) == key(run); });
    if (same == out.end())
      out.push_back({&run});
    else
      same->push_back(&run);
  }
  return out;
}

/// Returns one number of a group: the mean of those that have it; of a single run with its own interval.
NADA_INLINE Cell number_of_group(const std::vector<const FinishedRun*>& group, const std::string& name) {
  std::vector<double> values, counts;
  Estimate only;
  bool shares = true;
  for (const auto* run : group)
    for (const auto& [own, estimate] : run->numbers)
      if (own == name) {
        values.push_back(estimate.value);
        counts.push_back(static_cast<double>(estimate.share_of));
        shares = shares && estimate.share_of > 0;
        only = estimate;
        break;
      }
  if (values.empty()) return "";
  if (values.size() == 1) return only;
  return shares ? nested_share({values}, {counts}) : mean_estimate(values);
}

}  // namespace detail

NADA_INLINE Table compare_runs(const std::vector<FinishedRun>& runs, bool group) {
  std::map<std::string, std::set<std::string>> values;
  for (const auto& run : runs)
    for (const auto& [key, value] : run.options) values[key];
  for (auto& [key, found] : values)
    for (const auto& run : runs) found.insert(run.options.contains(key) ? run.options.at(key) : "");
  std::vector<std::string> differ, numbers;
  for (const auto& [key, found] : values)
    if (found.size() > 1 && !(group && (key == "seed" || detail::no_difference().contains(key)))) differ.push_back(key);
  for (const auto& run : runs)
    for (const auto& [name, estimate] : run.numbers)
      if (std::find(numbers.begin(), numbers.end(), name) == numbers.end()) numbers.push_back(name);
  Table out{{"run"}};
  if (group) out.columns.emplace_back("runs");
  out.columns.insert(out.columns.end(), differ.begin(), differ.end());
  out.columns.emplace_back("steps");
  out.columns.insert(out.columns.end(), numbers.begin(), numbers.end());
  out.columns.insert(out.columns.end(), {"seconds", "code"});
  for (const auto& together : detail::groups_of(runs, group)) {
    const auto& first = *together.front();
    std::vector<Cell> row{first.name};
    if (group) row.emplace_back(std::to_string(together.size()));
    for (const auto& key : differ) row.emplace_back(first.options.contains(key) ? first.options.at(key) : "");
    row.emplace_back(std::to_string(first.steps));
    for (const auto& name : numbers) row.push_back(detail::number_of_group(together, name));
    std::vector<double> seconds;
    std::string code;
    std::set<std::string> makers;
    for (const auto* run : together) {
      seconds.push_back(run->seconds);
      if (makers.insert(run->code).second) code += (code.empty() ? "" : ", ") + run->code;
    }
    row.push_back(seconds.size() == 1 ? Cell::number(seconds.front()) : Cell(mean_estimate(seconds)));
    row.emplace_back(code);
    out.add(std::move(row));
  }
  return out;
}

NADA_INLINE void CompareOptions::declare(OptionTable& table) {
  using enum OptionTable::Kind;
  table.group("Runs");
  table.add("run", runs, "folders of runs, or of ablations and sweeps for all their cells; also without --run", session,
            "FOLDER", /*positional=*/true);
  table.add("group", group, "a row for runs that differ in their seeds alone: means with 95% t-intervals", session);
  table.add("csv", csv, "print CSV, with the ends of the intervals as columns", session);
}

NADA_INLINE int compare(CompareOptions& options, OptionTable& table) {
  require(!options.runs.empty(), "no run was given; `", table.program(), " FOLDER ...` names them");
  std::vector<FinishedRun> runs;
  std::vector<std::string> troubles;
  for (const auto& path : options.runs)
    for (auto& run : read_runs(path, troubles)) runs.push_back(std::move(run));
  require(!runs.empty(), troubles.empty() ? "no run was found" : troubles.front());
  for (const auto& trouble : troubles) std::cerr << "note: " << trouble << '\n';
  const auto out = compare_runs(runs, options.group);
  std::cout << (options.csv ? out.csv() : out.markdown());
  return 0;
}

}  // namespace nada
