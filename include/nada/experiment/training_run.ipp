// Bodies of training_run.hpp.
#pragma once
#include "nada/experiment/training_run.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <ostream>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/experiment/build.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE TrainingLog::TrainingLog(std::filesystem::path path, std::vector<std::string> columns, std::int64_t step)
    : columns_(std::move(columns)), log_(std::move(path), header(columns_), step) {}

NADA_INLINE CsvRow TrainingLog::header(CsvRow columns) {
  columns.insert(columns.begin(), "step");
  return columns;
}

NADA_INLINE void TrainingLog::add(const std::string& column, double value) {
  auto& [sum, count] = sums_[column];
  sum += value;
  ++count;
}

NADA_INLINE double TrainingLog::mean(const std::string& column) const {
  const auto found = sums_.find(column);
  return found == sums_.end() ? std::nan("") : found->second.first / static_cast<double>(found->second.second);
}

NADA_INLINE void TrainingLog::row(std::int64_t step) {
  CsvRow cells{std::to_string(step)};
  for (const auto& column : columns_) cells.push_back(sums_.count(column) ? csv_number(mean(column), 6) : "");
  log_.row(cells);
  sums_.clear();
}

NADA_INLINE double Pace::operator()(std::int64_t count) {
  const double now = seconds_now(), grown = static_cast<double>(count - count_), time = now - time_;
  count_ = count;
  time_ = now;
  return grown / time;
}

NADA_INLINE void PretrainingOptions::declare_data(OptionTable& table, const std::string& what) {
  table.group("Data");
  table.add("data", data, "folder of " + what + " (docs/pretraining.md)", OptionTable::Kind::saved, "FOLDER");
  table.add("held", held, "folder of such pictures that are not trained on, to measure with", OptionTable::Kind::saved,
            "FOLDER");
}

NADA_INLINE void PretrainingOptions::declare_training(OptionTable& table, const std::string& rate) {
  table.add("batch", batch, "pictures a step");
  table.add("lr", lr, rate);
  table.add("seed", seed, "of all that is random");
}

NADA_INLINE void PretrainingOptions::declare_measuring(OptionTable& table, const std::string& result) {
  table.group("Measuring");
  table.add("evaluate", evaluate, "measure this " + result + " on --held and train nothing", OptionTable::Kind::session,
            "FILE");
  table.add("log-every", log_every, unit + " from one row of metrics.csv to the next");
  declare_gelu(table);
}

NADA_INLINE void PretrainingOptions::declare_run(OptionTable& table) {
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

NADA_INLINE void PretrainingOptions::read(OptionTable& table) const {
  require_one_process(table.program());
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

NADA_INLINE RunFolder PretrainingOptions::folder(const OptionTable& table) const {
  const auto path = !resume.empty() ? resume : !out.empty() ? out : free_run_folder(table.program());
  RunNotes notes;
  notes.title = table.program();
  notes.options_text =
      "# " + made_by(table.program()) + "; --config with this file repeats the run\n" + table.render(path);
  notes.options = table.values(path);
  notes.seed = seed;
  return resume.empty() ? RunFolder::create(path, std::move(notes)) : RunFolder::open(path, std::move(notes));
}

NADA_INLINE Metadata PretrainingOptions::metadata(const RunFolder& folder, Metadata more) const {
  more["nada.options"] = folder.notes().options_text;
  if (!licence.empty()) more["nada.licence"] = licence;
  if (!about_weights.empty()) more["nada.about"] = about_weights;
  return more;
}

NADA_INLINE bool PretrainingOptions::is_finished(const RunFolder& folder, std::int64_t done, std::int64_t all,
                                                 const std::string& result) const {
  if (!folder.resumed() || done < all || !std::filesystem::exists(folder / result)) return false;
  std::cout << "the run in " << folder.path().string() << " is finished: " << done << ' ' << unit << '\n';
  return true;
}

NADA_INLINE void PretrainingOptions::tell_end(const RunFolder& folder, std::int64_t done, std::int64_t all,
                                              const std::string& what, const std::string& result) const {
  if (done < all)
    std::cout << "stopped after " << done << " of " << all << ' ' << unit << "; continue with --resume "
              << folder.path().string() << '\n';
  std::cout << what << "  " << (folder / result).string() << '\n';
}

NADA_INLINE void save_training_state(const std::filesystem::path& path, const TensorMap& state) {
  sync_files(path.parent_path());  // no row of metrics.csv may be younger on the disk than the state
  save_tensors(path, state, {{"nada.kind", "state"}, {"nada.format", std::string(format_version)}});
}

NADA_INLINE TensorMap load_training_state(const std::filesystem::path& path) {
  return to_tensors(Safetensors::open(path));
}

NADA_INLINE std::vector<std::int64_t> whole_numbers(const std::string& text, const std::string& option) {
  std::vector<std::int64_t> out;
  for (const auto& word : split_at(text, ',')) {
    std::int64_t value = 0;
    const auto* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    require(error == std::errc{} && stop == end && value > 0, "option ", option,
            ": expected numbers > 0 with commas between them, found '", text, "'");
    out.push_back(value);
  }
  return out;
}

}  // namespace nada
