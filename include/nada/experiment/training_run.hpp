/// The table that a training writes as it goes, and the options and the folder of its run.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/device.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"

namespace nada {

/// TrainingLog writes metrics.csv: a column `step`, then named columns; cells that have no number are empty. Rows
/// are written whole.
class TrainingLog {
 public:
  /// Starts the table; where the table is there, its rows up to `step` stay, so that a run that goes on repeats none.
  /// Errors:  a table with other columns.
  TrainingLog(std::filesystem::path path, std::vector<std::string> columns, std::int64_t step);

  /// Adds a value to the mean of a column since the last row.
  void add(const std::string& column, double value);
  void add(const std::string& column, const std::optional<double>& value) {
    if (value) add(column, *value);
  }
  /// Returns the mean of a column since the last row, NaN where the column has no value.
  double mean(const std::string& column) const;

  /// Writes the means since the last row.
  /// Errors:  a full disk.
  void row(std::int64_t step);

 private:
  static CsvRow header(CsvRow columns);  // adds the column `step` in front

  std::vector<std::string> columns_;
  CsvLog log_;
  std::map<std::string, std::pair<double, std::int64_t>> sums_;
};

/// Pace says how fast a count grows.
class Pace {
 public:
  explicit Pace(std::int64_t count) : count_(count) {}
  /// Returns the growth per second since the last call.
  double operator()(std::int64_t count);

 private:
  std::int64_t count_;
  double time_ = seconds_now();
};

/// PretrainingOptions are common to the programs that train on a folder of pictures: options, in groups that a
/// program puts between its own groups, and the start and the end of a run. `unit` is the unit of a training's
/// length, images or steps.
struct PretrainingOptions {
  std::string unit;
  std::int64_t batch = 16;
  double lr = 0.001;
  std::int64_t state_every = 100, log_every = 20;  // in units
  std::filesystem::path data = {}, held = {}, evaluate = {}, config = {}, out = {}, resume = {};
  std::uint64_t seed = 0;
  std::string licence = {}, about_weights = {};
  MachineOptions machine = {};

  void declare_data(OptionTable& table, const std::string& what);
  void declare_training(OptionTable& table, const std::string& rate);
  void declare_measuring(OptionTable& table, const std::string& result);
  void declare_run(OptionTable& table);

  /// Reads the option file of the run that goes on, else --config; then prepares the machine.
  /// Errors:  an option of the run that is given anew; no pictures; a device that is not there.
  void read(OptionTable& table) const;

  /// Returns the folder of the run, which is made or opened.
  RunFolder folder(const OptionTable& table) const;

  /// Returns `more` with the metadata that every result has about its making.
  Metadata metadata(const RunFolder& folder, Metadata more) const;

  /// Returns whether a resumed run has reached its end already, and says so on stdout.
  bool is_finished(const RunFolder& folder, std::int64_t done, std::int64_t all, const std::string& result) const;
  /// Writes the last lines of a run on stdout.
  void tell_end(const RunFolder& folder, std::int64_t done, std::int64_t all, const std::string& what,
                const std::string& result) const;
};

/// Writes the state of a pre-training; load_training_state() reads it.
/// Errors:  another kind of file.
void save_training_state(const std::filesystem::path& path, const TensorMap& state);
TensorMap load_training_state(const std::filesystem::path& path);

/// Returns the numbers of a text such as "128,128,96".
/// Errors:  another text.
std::vector<std::int64_t> whole_numbers(const std::string& text, const std::string& option);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/training_run.ipp"
#endif
