/// The folder that a run leaves behind, and the observers that fill it.
#pragma once
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/report.hpp"
#include "nada/core/device.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// What a run folder keeps about its run.
struct RunNotes {
  std::string title;                                                // "a cartoon portrait -> a pencil sketch"
  std::string options_text;                                         // options.cfg
  std::vector<std::pair<std::string, std::string>> options, facts;  // for the report
  std::uint64_t seed = 0;
};

/// `options.cfg`, `metrics.csv`, `samples/`, `deltas/`, `state.safetensors`, `adapted.safetensors`, `report.html`
/// (docs/getting-started.md says what each is). Every file is written to a temporary name and renamed; metrics.csv
/// grows by whole lines and is trimmed to the state when a run resumes. A lock on the folder keeps a second run out.
class RunFolder {
 public:
  /// A folder for a new run. Errors: not empty, below a regular file, not writable, in use.
  static RunFolder create(const std::filesystem::path& path, RunNotes notes);
  /// The folder of a run that was stopped. Errors: no run in it, nothing to resume, in use.
  static RunFolder open(const std::filesystem::path& path, RunNotes notes);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder() {
    if (lock_ >= 0) ::close(lock_);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  bool resumed() const { return resumed_; }
  const RunNotes& notes() const { return notes_; }
  /// Whether the run has all its steps and files already.
  bool complete() const {
    return std::filesystem::exists(path_ / "report.html") && std::filesystem::exists(path_ / "adapted.safetensors");
  }

  /// Runs an adaptation in this folder with the usual observers; continues from the saved state where the folder was
  /// resumed. Returns whether all steps were done.
  bool run(AnyAdaptation& adaptation, std::int64_t steps, std::int64_t samples_every, std::int64_t state_every,
           int samples = 12);

  /// A bar on a terminal, lines elsewhere.
  class ProgressObserver {
   public:
    void on_start(RunAccess& run) { bar_.emplace("adapting", run.total, run.step); }
    void on_step(const Report& report, RunAccess&);
    void on_finish(RunAccess&) { bar_->finish(); }

   private:
    std::optional<Progress> bar_;
  };
  ProgressObserver progress() const { return {}; }

  /// metrics.csv: `step,loss,<term>...,seconds`.
  class Metrics {
   public:
    Metrics(std::filesystem::path path, std::vector<std::string_view> terms);
    void on_start(RunAccess& run);
    void on_step(const Report& report, RunAccess&);

   private:
    std::filesystem::path path_;
    std::string header_;
    std::ofstream out_;
  };
  Metrics metrics(std::vector<std::string_view> terms) const { return {path_ / "metrics.csv", std::move(terms)}; }

  /// state.safetensors every n steps, at the end, when stopped, and when a step fails.
  class States {
   public:
    States(std::filesystem::path path, std::int64_t every) : path_(std::move(path)), every_(every) {}
    void on_step(const Report& report, RunAccess& run) {
      if (report.step % every_ == 0 && report.step != report.total) save(run);
    }
    void on_finish(RunAccess& run) { save(run); }
    void on_failure(RunAccess& run) { save(run); }

   private:
    void save(RunAccess& run);
    std::filesystem::path path_;
    std::int64_t every_, saved_ = -1;
  };
  States states(std::int64_t every) const;

  /// samples/<step>.png: the same latents as rows source, adapted; with it, deltas/<step>.safetensors, because the best
  /// is often not the last. At the start, every n steps (0: never) and at the end.
  class Samples {
   public:
    Samples(const RunFolder& folder, std::int64_t every, int count) : folder_(folder), every_(every), count_(count) {}
    void on_start(RunAccess& run);
    void on_step(const Report& report, RunAccess& run);
    void on_finish(RunAccess& run) { write(run); }

   private:
    static std::string name(std::int64_t step);
    std::filesystem::path prepared(const char* folder) const;
    void write(RunAccess& run);
    const RunFolder& folder_;
    std::int64_t every_;
    int count_;
    Tensor latents_;
  };
  Samples samples(std::int64_t every, int count = 12) const;

  /// adapted.safetensors and report.html, when the run ends or is stopped.
  class Results {
   public:
    explicit Results(const RunFolder& folder) : folder_(folder) {}
    void on_start(RunAccess&) { begin_ = seconds_now(); }
    void on_step(const Report&, RunAccess&) {}
    void on_finish(RunAccess& run);

   private:
    const RunFolder& folder_;
    double begin_ = 0;
  };
  Results results() const { return Results(*this); }

  /// Picture of the last step.
  std::filesystem::path picture(std::int64_t step) const;

 private:
  RunFolder(std::filesystem::path path, RunNotes notes, bool resumed);

  void write_report(std::int64_t step, std::int64_t total, double seconds) const;

  static std::vector<ReportCurve> read_curves(const std::filesystem::path& path);

  std::filesystem::path path_;
  RunNotes notes_;
  bool resumed_;
  int lock_ = -1;
};

/// runs/<target>-<n>: the first n that is free.
std::filesystem::path free_run_folder(std::string_view target, const std::filesystem::path& runs = "runs");

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/run_folder.ipp"
#endif
