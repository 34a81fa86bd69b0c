/// A table that a training writes as it goes, and the run around it.
#pragma once
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/run_folder.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
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

/// How fast a count grows.
class Pace {
 public:
  explicit Pace(std::int64_t count) : count_(count) {}
  /// A second, since it was last asked.
  double operator()(std::int64_t count) {
    const double now = seconds_now(), grown = static_cast<double>(count - count_), time = now - time_;
    count_ = count;
    time_ = now;
    return grown / time;
  }

 private:
  std::int64_t count_;
  double time_ = seconds_now();
};

/// What programs have in common that train on a folder of pictures: options, in groups that a program puts between its
/// own, and how a run starts and ends. `unit`: what its length is told in, images or steps.
struct PretrainingOptions {
  std::string unit;
  std::int64_t batch = 16;
  double lr = 0.001;
  std::int64_t state_every = 100, log_every = 20;  // in units
  std::filesystem::path data = {}, held = {}, evaluate = {}, config = {}, out = {}, resume = {};
  std::uint64_t seed = 0;
  std::string licence = {}, about_weights = {};
  MachineOptions machine = {};

  void declare_data(OptionTable& table, const std::string& what) {
    table.group("Data");
    table.add("data", data, "folder of " + what + " (docs/pretraining.md)", OptionTable::Kind::saved, "FOLDER");
    table.add("held", held, "folder of such pictures that are not trained on, to measure with",
              OptionTable::Kind::saved, "FOLDER");
  }
  void declare_training(OptionTable& table, const std::string& rate) {
    table.add("batch", batch, "pictures a step");
    table.add("lr", lr, rate);
    table.add("seed", seed, "of all that is random");
  }
  void declare_measuring(OptionTable& table, const std::string& result) {
    table.group("Measuring");
    table.add("evaluate", evaluate, "measure this " + result + " on --held and train nothing",
              OptionTable::Kind::session, "FILE");
    table.add("log-every", log_every, unit + " from one row of metrics.csv to the next");
  }
  void declare_run(OptionTable& table) {
    using enum OptionTable::Kind;
    table.group("Run");
    table.add("config", config, "option file; the command line has the last word", session);
    table.add("out", out, "folder of the run (default runs/<program>-<n>)", session, "FOLDER");
    table.add("resume", resume, "continue the run in this folder; --" + unit + " may be given anew", session, "FOLDER");
    table.add("state-every", state_every, unit + " from one saved state to the next");
    table.add("licence", licence, "goes into the file's metadata");
    table.add("about", about_weights, "goes into the file's metadata");
    machine.declare(table);
  }

  /// Reads the option file that holds, of the run that goes on, else --config; then makes the machine ready.
  /// Errors: a run's option that is given anew; no pictures to do it with; no processor.
  void read(OptionTable& table) const {
    if (!resume.empty()) {
      require(evaluate.empty(), "--evaluate measures a file and --resume continues a run: give one of them");
      for (const auto& name : table.given())
        require(name == "resume" || name == unit || name == "threads" || name == "device", "--", name,
                " cannot be changed when a run is continued");
      require(std::filesystem::exists(resume / "options.cfg"), resume,
              " is not the folder of a run: it has no options.cfg");
      table.read_file(resume / "options.cfg");
    } else if (!config.empty()) {
      table.read_file(config);
    }
    machine.use();
    require(machine.device == "auto" || machine.place().is_cpu(), table.program(),
            " computes on the processor only; use --device cpu");
    if (!evaluate.empty()) {
      require(!held.empty(), "--evaluate needs pictures to measure with: --held FOLDER");
    } else {
      require(!data.empty(), "no pictures were given; name their folder with --data");
      require(state_every >= 1 && log_every >= 1, "options state-every and log-every must be 1 or more");
    }
  }

  /// The folder, made or opened.
  RunFolder folder(const OptionTable& table) const {
    const auto path = !resume.empty() ? resume : !out.empty() ? out : free_run_folder(table.program());
    RunNotes notes;
    notes.title = table.program();
    notes.options_text = "# " + table.program() + " of nada " + revision() +
                         "; --config with this file repeats the run\n" + table.render(path);
    notes.options = table.values(path);
    notes.seed = seed;
    return resume.empty() ? RunFolder::create(path, std::move(notes)) : RunFolder::open(path, std::move(notes));
  }

  /// `more`, and what every result says of its making.
  Metadata metadata(const RunFolder& folder, Metadata more) const {
    more["nada.options"] = folder.notes().options_text;
    if (!licence.empty()) more["nada.licence"] = licence;
    if (!about_weights.empty()) more["nada.about"] = about_weights;
    return more;
  }

  /// Whether a run that was resumed has all that it should have; says so.
  bool is_finished(const RunFolder& folder, std::int64_t done, std::int64_t all, const std::string& result) const {
    if (!folder.resumed() || done < all || !std::filesystem::exists(folder / result)) return false;
    std::cout << "the run in " << folder.path().string() << " is finished: " << done << ' ' << unit << '\n';
    return true;
  }
  /// The last lines of a run.
  void tell_end(const RunFolder& folder, std::int64_t done, std::int64_t all, const std::string& what,
                const std::string& result) const {
    if (done < all)
      std::cout << "stopped after " << done << " of " << all << ' ' << unit << "; continue with --resume "
                << folder.path().string() << '\n';
    std::cout << what << "  " << (folder / result).string() << '\n';
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
