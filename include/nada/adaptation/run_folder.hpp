/// The folder that a run leaves behind, and the observers that fill it.
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
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
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"

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
  static RunFolder create(const std::filesystem::path& path, RunNotes notes) {
    namespace fs = std::filesystem;
    std::error_code error;
    require(!fs::exists(path, error) || fs::is_directory(path, error), path,
            " is a file, expected an empty folder or a new one");
    require(!fs::exists(path, error) || fs::is_empty(path, error), path,
            " is not empty; give another --out, or continue the run in it with --resume ", path);
    fs::create_directories(path, error);
    require(!error, "cannot make the folder ", path, ": ", error.message());
    RunFolder out(path, std::move(notes), false);
    write_text(path / "options.cfg", out.notes_.options_text);
    return out;
  }
  /// The folder of a run that was stopped. Errors: no run in it, nothing to resume, in use.
  static RunFolder open(const std::filesystem::path& path, RunNotes notes) {
    namespace fs = std::filesystem;
    std::error_code error;
    require(fs::exists(path / "options.cfg", error), path, " is not the folder of a run: it has no options.cfg");
    RunFolder out(path, std::move(notes), true);
    require(fs::exists(path / "state.safetensors", error), path,
            ": the run was stopped before its first state was saved; there is nothing to resume, start it again");
    for (const auto& folder : {path, path / "samples", path / "deltas"})
      if (fs::exists(folder, error)) remove_stale_temporaries(folder);
    if (read_text(path / "options.cfg") != out.notes_.options_text)
      write_text(path / "options.cfg", out.notes_.options_text);
    return out;
  }

  RunFolder(RunFolder&& other) noexcept
      : path_(std::move(other.path_)),
        notes_(std::move(other.notes_)),
        resumed_(other.resumed_),
        lock_(std::exchange(other.lock_, -1)) {}
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
           int samples = 12) {
    if (resumed_) adaptation.load_state(path_ / "state.safetensors");
    return adaptation.run(steps, this->metrics(adaptation.term_names()), this->states(state_every),
                          this->samples(samples_every, samples), this->results(), this->progress());
  }

  /// A bar on a terminal, lines elsewhere.
  class ProgressObserver {
   public:
    void on_start(RunAccess& run) { bar_.emplace("adapting", run.total, run.step); }
    void on_step(const Report& report, RunAccess&) {
      char note[32];
      std::snprintf(note, sizeof note, "loss %.4f", report.loss);
      bar_->update(report.step, note);
    }
    void on_finish(RunAccess&) { bar_->finish(); }

   private:
    std::optional<Progress> bar_;
  };
  ProgressObserver progress() const { return {}; }

  /// metrics.csv: `step,loss,<term>...,seconds`.
  class Metrics {
   public:
    Metrics(std::filesystem::path path, std::vector<std::string_view> terms) : path_(std::move(path)) {
      header_ = "step,loss,";
      for (const auto& term : terms) header_ += std::string(term) + ",";
      header_ += "seconds";
    }
    void on_start(RunAccess& run) {  // keeps the lines up to the state that the run goes on from
      std::string kept = header_ + "\n";
      if (run.step > 0) {
        const auto text = read_text(path_);
        std::size_t at = text.find('\n');
        require(text.substr(0, at) == header_, path_, ": the columns are not those of this run");
        for (std::int64_t row = 0; row < run.step; ++row) {
          require(at != std::string::npos, path_, ": expected ", run.step, " lines, found ", row);
          const auto end = text.find('\n', at + 1);
          require(end != std::string::npos, path_, ": expected ", run.step, " lines, found ", row);
          kept += text.substr(at + 1, end - at);
          at = end;
        }
      }
      write_text(path_, kept);
      out_.open(path_, std::ios::app);
      require(out_.good(), "cannot write ", path_);
    }
    void on_step(const Report& report, RunAccess&) {
      char text[64];
      const auto number = [&](double value) {
        std::snprintf(text, sizeof text, "%.9g", value);
        return std::string(text);
      };
      std::string line = std::to_string(report.step) + "," + number(report.loss) + ",";
      for (const auto& [name, value] : report.terms) line += number(value) + ",";
      std::snprintf(text, sizeof text, "%.4f", report.seconds);
      out_ << line << text << '\n' << std::flush;
      require(out_.good(), "cannot write ", path_, ": is the disk full?");
    }

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
    void save(RunAccess& run) {
      if (saved_ != run.step) run.save_state(path_);
      saved_ = run.step;
    }
    std::filesystem::path path_;
    std::int64_t every_, saved_ = -1;
  };
  States states(std::int64_t every) const {
    require(every >= 1, "the state must be saved every 1 step or more, not every ", every);
    return {path_ / "state.safetensors", every};
  }

  /// samples/<step>.png: the same latents as rows source, adapted; with it, deltas/<step>.safetensors, because the best
  /// is often not the last. At the start, every n steps (0: never) and at the end.
  class Samples {
   public:
    Samples(const RunFolder& folder, std::int64_t every, int count) : folder_(folder), every_(every), count_(count) {}
    void on_start(RunAccess& run) {
      latents_ = Stream{folder_.notes_.seed, 0}.normal(Purpose::samples, {count_, run.latent_size});
      if (run.step == 0) write(run);
    }
    void on_step(const Report& report, RunAccess& run) {
      if (every_ > 0 && report.step % every_ == 0 && report.step != report.total) {
        write(run);
        run.save_delta(prepared("deltas") / (name(run.step) + ".safetensors"));
      }
    }
    void on_finish(RunAccess& run) { write(run); }

   private:
    static std::string name(std::int64_t step) {
      char text[32];
      std::snprintf(text, sizeof text, "%06lld", static_cast<long long>(step));
      return text;
    }
    std::filesystem::path prepared(const char* folder) const {
      const auto path = folder_ / folder;
      std::error_code error;
      std::filesystem::create_directories(path, error);
      require(!error, "cannot make the folder ", path, ": ", error.message());
      return path;
    }
    void write(RunAccess& run) {
      std::vector<std::vector<Picture>> rows(2);
      for (std::int64_t at = 0; at < count_; at += 4) {  // a few at a time: large generators need memory
        const auto z = latents_.narrow(0, at, std::min<std::int64_t>(4, count_ - at));
        for (auto& picture : to_pictures(run.source_images(z))) rows[0].push_back(std::move(picture));
        for (auto& picture : to_pictures(run.adapted_images(z))) rows[1].push_back(std::move(picture));
      }
      auto grid = make_grid(rows);
      grid.text["nada:options"] = folder_.notes_.options_text;
      grid.text["nada:step"] = std::to_string(run.step);
      write_picture(prepared("samples") / (name(run.step) + ".png"), grid);
    }
    const RunFolder& folder_;
    std::int64_t every_;
    int count_;
    Tensor latents_;
  };
  Samples samples(std::int64_t every, int count = 12) const {
    require(every >= 0, "samples every ", every, " steps: expected 0 (only at the start and the end) or more");
    return {*this, every, count};
  }

  /// adapted.safetensors and report.html, when the run ends or is stopped.
  class Results {
   public:
    explicit Results(const RunFolder& folder) : folder_(folder) {}
    void on_start(RunAccess&) { begin_ = seconds_now(); }
    void on_step(const Report&, RunAccess&) {}
    void on_finish(RunAccess& run) {
      run.save_delta(folder_ / "adapted.safetensors");
      folder_.write_report(run.step, run.total, seconds_now() - begin_);
    }

   private:
    const RunFolder& folder_;
    double begin_ = 0;
  };
  Results results() const { return Results(*this); }

  /// Picture of the last step.
  std::filesystem::path picture(std::int64_t step) const {
    char text[32];
    std::snprintf(text, sizeof text, "%06lld.png", static_cast<long long>(step));
    return path_ / "samples" / text;
  }

 private:
  RunFolder(std::filesystem::path path, RunNotes notes, bool resumed)
      : path_(std::move(path)), notes_(std::move(notes)), resumed_(resumed) {
    lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(lock_ >= 0, "cannot open the folder ", path_);
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      ::close(std::exchange(lock_, -1));
      fail(path_, " is in use by another run");
    }
  }

  void write_report(std::int64_t step, std::int64_t total, double seconds) const {
    ReportContent content;
    content.title = notes_.title;
    content.lead = step >= total ? join("All ", total, " steps are done.")
                                 : join("Stopped after ", step, " of ", total, " steps; --resume goes on.");
    content.lead += " The upper row shows the source generator, the lower row the adapted one, with the same latents.";
    const auto add = [&](std::int64_t at, std::string caption) {
      const auto file = picture(at);
      const auto png = MappedFile(file);
      const auto shown = read_picture(file);
      content.images.push_back(
          {std::move(caption), {png.bytes().begin(), png.bytes().end()}, shown.width, shown.height});
    };
    add(step, join("After ", step, " steps"));
    std::vector<std::int64_t> steps;
    for (const auto& entry : std::filesystem::directory_iterator(path_ / "samples")) {
      const auto name = entry.path().stem().string();
      if (entry.path().extension() == ".png" && name.size() >= 6 &&
          std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); }))
        steps.push_back(std::stoll(name));
    }
    std::sort(steps.begin(), steps.end());
    for (const auto s : steps)
      if (s != 0 && s < step) add(s, join("After ", s, " steps"));
    content.curves = read_curves(path_ / "metrics.csv");
    content.options = notes_.options;
    content.facts = notes_.facts;
    const auto fact = [&](const char* name, double value, const char* unit) {
      char text[64];
      std::snprintf(text, sizeof text, "%.1f %s", value, unit);
      content.facts.emplace_back(name, text);
    };
    fact("time of the last sitting", seconds, "s");
    fact("peak memory", peak_memory_mb(), "MB");
    write_text(path_ / "report.html", render_report(content));
  }

  static std::vector<ReportCurve> read_curves(const std::filesystem::path& path) {
    std::vector<ReportCurve> curves;
    std::ifstream in(path);
    std::string line;
    bool header = true;
    while (std::getline(in, line)) {
      std::vector<std::string> cells;
      for (std::size_t at = 0; at <= line.size();) {
        const auto end = std::min(line.find(',', at), line.size());
        cells.push_back(line.substr(at, end - at));
        at = end + 1;
      }
      if (header) {
        for (std::size_t c = 1; c + 1 < cells.size(); ++c) curves.push_back({cells[c], {}});
        header = false;
        continue;
      }
      for (std::size_t c = 1; c + 1 < cells.size() && c <= curves.size(); ++c)
        curves[c - 1].points.emplace_back(std::strtod(cells[0].c_str(), nullptr),
                                          std::strtod(cells[c].c_str(), nullptr));
    }
    return curves;
  }

  std::filesystem::path path_;
  RunNotes notes_;
  bool resumed_;
  int lock_ = -1;
};

/// runs/<target>-<n>: the first n that is free.
inline std::filesystem::path free_run_folder(std::string_view target, const std::filesystem::path& runs = "runs") {
  std::string slug;
  for (const unsigned char c : target) {
    if (std::isalnum(c))
      slug += static_cast<char>(std::tolower(c));
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
    if (slug.size() >= 60) break;
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  if (slug.empty()) slug = "run";
  std::error_code error;
  for (int n = 1;; ++n)
    if (const auto path = runs / (slug + "-" + std::to_string(n)); !std::filesystem::exists(path, error)) return path;
}

}  // namespace nada
