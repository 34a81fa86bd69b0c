/// The folder that a run leaves behind.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nada {

/// RunNotes are the words that a run folder keeps about its run.
struct RunNotes {
  std::string title;                                                // "a cartoon portrait -> a pencil sketch"
  std::string options_text;                                         // options.cfg
  std::vector<std::pair<std::string, std::string>> options, facts;  // for the report
  std::uint64_t seed = 0;
};

/// RunFolder is a folder with `options.cfg`, a lock that keeps a second run out, and the names of the other files that
/// a run writes (docs/getting-started.md describes each file): `metrics.csv`, `samples/`, `deltas/`,
/// `state.safetensors`, `adapted.safetensors`, `report.html`. The observers in experiment/observers/ fill the folder.
/// Every file is written to a temporary name and renamed; metrics.csv grows by whole lines and is trimmed to the state
/// when a run resumes.
class RunFolder {
 public:
  /// Makes the folder of a new run.
  /// Errors:  a folder that is not empty, lies below a regular file, is not writable or is in use.
  static RunFolder create(const std::filesystem::path& path, RunNotes notes);
  /// Opens the folder of a run that was stopped.
  /// Errors:  a folder that holds no run, has nothing to resume or is in use.
  static RunFolder open(const std::filesystem::path& path, RunNotes notes);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  bool resumed() const { return resumed_; }
  const RunNotes& notes() const { return notes_; }
  /// Returns whether the run has all its files already.
  bool complete() const {
    return std::filesystem::exists(path_ / "report.html") && std::filesystem::exists(path_ / "adapted.safetensors");
  }

  std::filesystem::path state() const { return path_ / "state.safetensors"; }
  /// Returns the picture of a step; step_name() gives the name by which a step's files are called: 000150.
  std::filesystem::path picture(std::int64_t step) const;
  static std::string step_name(std::int64_t step);
  /// Returns a folder in the run folder, and makes it where it is missing.
  /// Errors:  a folder that cannot be made.
  std::filesystem::path subfolder(const std::string& name) const;

 private:
  RunFolder(std::filesystem::path path, RunNotes notes, bool resumed);

  std::filesystem::path path_;
  RunNotes notes_;
  bool resumed_;
  int lock_ = -1;
};

/// Returns the folder runs/<target>-<n> with the first n that is free.
std::filesystem::path free_run_folder(std::string_view target, const std::filesystem::path& runs = "runs");

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/run_folder.ipp"
#endif
