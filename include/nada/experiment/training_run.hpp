/// A table that a training writes as it goes, and the run around it.
#pragma once
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/run_folder.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"

namespace nada {

/// metrics.csv: a column `step`, then named ones; cells that have no number are empty. Rows are written whole.
class TrainingLog {
 public:
  /// Keeps the rows of a table that is there up to `step`, so that a run that goes on repeats none.
  /// Errors: other columns.
  TrainingLog(std::filesystem::path path, std::vector<std::string> columns, std::int64_t step)
      : path_(std::move(path)), columns_(std::move(columns)) {
    std::string header = "step";
    for (const auto& column : columns_) header += "," + column;
    std::string kept = header + "\n";
    if (step > 0 && std::filesystem::exists(path_)) {
      const auto text = read_text(path_);
      auto at = text.find('\n');
      require(text.substr(0, at) == header, path_, ": the columns are not those of this run");
      while (at != std::string::npos && at + 1 < text.size()) {
        const auto end = text.find('\n', at + 1);
        if (end == std::string::npos || std::stoll(text.substr(at + 1)) > step) break;
        kept += text.substr(at + 1, end - at);
        at = end;
      }
    }
    write_text(path_, kept);
    out_.open(path_, std::ios::app);
    require(out_.good(), "cannot write ", path_);
  }

  /// Adds to the mean of a column since the last row.
  void add(const std::string& column, double value) {
    auto& [sum, count] = sums_[column];
    sum += value;
    ++count;
  }
  void add(const std::string& column, const std::optional<double>& value) {
    if (value) add(column, *value);
  }
  /// The mean of a column since the last row, NaN where it has none.
  double mean(const std::string& column) const {
    const auto found = sums_.find(column);
    return found == sums_.end() ? std::nan("") : found->second.first / static_cast<double>(found->second.second);
  }

  /// Writes the means since the last row. Errors: the disk is full.
  void row(std::int64_t step) {
    std::string line = std::to_string(step);
    for (const auto& column : columns_) {
      line += ',';
      if (!sums_.count(column)) continue;
      char text[32];
      std::snprintf(text, sizeof text, "%.6g", mean(column));
      line += text;
    }
    out_ << line << '\n' << std::flush;
    require(out_.good(), "cannot write ", path_, ": is the disk full?");
    sums_.clear();
  }

 private:
  std::filesystem::path path_;
  std::vector<std::string> columns_;
  std::ofstream out_;
  std::map<std::string, std::pair<double, std::int64_t>> sums_;
};

/// Options of a run in a folder, and how to get there.
struct TrainingRunOptions {
  std::filesystem::path config, out, resume;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    table.group("Run");
    table.add("config", config, "option file; the command line has the last word", session);
    table.add("out", out, "folder of the run (default runs/<program>-<n>)", session, "FOLDER");
    table.add("resume", resume, "continue the run in this folder; its length may be given anew", session, "FOLDER");
  }

  /// Reads the option file that holds: of the run that goes on, else --config. `free`: options that may be given anew.
  void read(OptionTable& table, const std::vector<std::string>& free) const {
    if (resume.empty()) {
      if (!config.empty()) table.read_file(config);
      return;
    }
    for (const auto& name : table.given())
      require(name == "resume" || std::find(free.begin(), free.end(), name) != free.end(), "--", name,
              " cannot be changed when a run is continued");
    require(std::filesystem::exists(resume / "options.cfg"), resume,
            " is not the folder of a run: it has no options.cfg");
    table.read_file(resume / "options.cfg");
  }

  /// The folder, made or opened.
  RunFolder folder(const OptionTable& table, std::uint64_t seed) const {
    const auto path = !resume.empty() ? resume : !out.empty() ? out : free_run_folder(table.program());
    RunNotes notes;
    notes.title = table.program();
    notes.options_text = "# " + table.program() + " of nada " + revision() +
                         "; --config with this file repeats the run\n" + table.render(path);
    notes.options = table.values(path);
    notes.seed = seed;
    return resume.empty() ? RunFolder::create(path, std::move(notes)) : RunFolder::open(path, std::move(notes));
  }
};

/// "128,128,96" as numbers. Errors: something else.
inline std::vector<std::int64_t> whole_numbers(const std::string& text, const std::string& option) {
  std::vector<std::int64_t> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, value);
    require(error == std::errc{} && stop == text.data() + end && value > 0 && end > at, "option ", option,
            ": expected numbers > 0 with commas between them, found '", text, "'");
    out.push_back(value);
    at = end + 1;
  }
  return out;
}

}  // namespace nada
