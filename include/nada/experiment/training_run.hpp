/// A table that a training writes as it goes, and the run around it.
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

/// metrics.csv: a column `step`, then named ones; cells that have no number are empty. Rows are written whole.
class TrainingLog {
 public:
  /// Keeps the rows of a table that is there up to `step`, so that a run that goes on repeats none.
  /// Errors: other columns.
  TrainingLog(std::filesystem::path path, std::vector<std::string> columns, std::int64_t step);

  /// Adds to the mean of a column since the last row.
  void add(const std::string& column, double value);
  void add(const std::string& column, const std::optional<double>& value) {
    if (value) add(column, *value);
  }
  /// The mean of a column since the last row, NaN where it has none.
  double mean(const std::string& column) const;

  /// Writes the means since the last row. Errors: the disk is full.
  void row(std::int64_t step);

 private:
  static CsvRow header(CsvRow columns);  // with the column `step` before them

  std::vector<std::string> columns_;
  CsvLog log_;
  std::map<std::string, std::pair<double, std::int64_t>> sums_;
};

/// How fast a count grows.
class Pace {
 public:
  explicit Pace(std::int64_t count) : count_(count) {}
  /// A second, since it was last asked.
  double operator()(std::int64_t count);

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

  void declare_data(OptionTable& table, const std::string& what);
  void declare_training(OptionTable& table, const std::string& rate);
  void declare_measuring(OptionTable& table, const std::string& result);
  void declare_run(OptionTable& table);

  /// Reads the option file that holds, of the run that goes on, else --config; then makes the machine ready.
  /// Errors: a run's option that is given anew; no pictures to do it with; no processor.
  void read(OptionTable& table) const;

  /// The folder, made or opened.
  RunFolder folder(const OptionTable& table) const;

  /// `more`, and what every result says of its making.
  Metadata metadata(const RunFolder& folder, Metadata more) const;

  /// Whether a run that was resumed has all that it should have; says so.
  bool is_finished(const RunFolder& folder, std::int64_t done, std::int64_t all, const std::string& result) const;
  /// The last lines of a run.
  void tell_end(const RunFolder& folder, std::int64_t done, std::int64_t all, const std::string& what,
                const std::string& result) const;
};

/// Writes the state of a pre-training, and reads it. Errors:  another kind of file.
void save_training_state(const std::filesystem::path& path, const TensorMap& state);
TensorMap load_training_state(const std::filesystem::path& path);

/// "128,128,96" as numbers. Errors: something else.
std::vector<std::int64_t> whole_numbers(const std::string& text, const std::string& option);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/training_run.ipp"
#endif
