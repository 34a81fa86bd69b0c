// Bodies of run_folder.hpp.
#pragma once
#include "nada/adaptation/run_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <istream>
#include <ostream>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"

namespace nada {

NADA_INLINE RunFolder RunFolder::create(const std::filesystem::path& path, RunNotes notes) {
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

NADA_INLINE RunFolder RunFolder::open(const std::filesystem::path& path, RunNotes notes) {
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

NADA_INLINE RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)),
      notes_(std::move(other.notes_)),
      resumed_(other.resumed_),
      lock_(std::exchange(other.lock_, -1)) {}

NADA_INLINE bool RunFolder::run(AnyAdaptation& adaptation, std::int64_t steps, std::int64_t samples_every,
                                std::int64_t state_every, int samples) {
  if (resumed_) adaptation.load_state(path_ / "state.safetensors");
  return adaptation.run(steps, this->metrics(adaptation.term_names()), this->states(state_every),
                        this->samples(samples_every, samples), this->results(), this->progress());
}

NADA_INLINE void RunFolder::ProgressObserver::on_step(const Report& report, RunAccess&) {
  char note[32];
  std::snprintf(note, sizeof note, "loss %.4f", report.loss);
  bar_->update(report.step, note);
}

NADA_INLINE RunFolder::Metrics::Metrics(std::filesystem::path path, std::vector<std::string_view> terms)
    : path_(std::move(path)) {
  header_ = "step,loss,";
  for (const auto& term : terms) header_ += std::string(term) + ",";
  header_ += "seconds";
}

NADA_INLINE void RunFolder::Metrics::on_start(
    RunAccess& run) {  // keeps the lines up to the state that the run goes on from
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

NADA_INLINE void RunFolder::Metrics::on_step(const Report& report, RunAccess&) {
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

NADA_INLINE void RunFolder::States::save(RunAccess& run) {
  if (saved_ != run.step) run.save_state(path_);
  saved_ = run.step;
}

NADA_INLINE RunFolder::States RunFolder::states(std::int64_t every) const {
  require(every >= 1, "the state must be saved every 1 step or more, not every ", every);
  return {path_ / "state.safetensors", every};
}

NADA_INLINE void RunFolder::Samples::on_start(RunAccess& run) {
  latents_ = Stream{folder_.notes_.seed, 0}.normal(Purpose::samples, {count_, run.latent_size});
  if (run.step == 0) write(run);
}

NADA_INLINE void RunFolder::Samples::on_step(const Report& report, RunAccess& run) {
  if (every_ > 0 && report.step % every_ == 0 && report.step != report.total) {
    write(run);
    run.save_delta(prepared("deltas") / (name(run.step) + ".safetensors"));
  }
}

NADA_INLINE std::string RunFolder::Samples::name(std::int64_t step) {
  char text[32];
  std::snprintf(text, sizeof text, "%06lld", static_cast<long long>(step));
  return text;
}

NADA_INLINE std::filesystem::path RunFolder::Samples::prepared(const char* folder) const {
  const auto path = folder_ / folder;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  require(!error, "cannot make the folder ", path, ": ", error.message());
  return path;
}

NADA_INLINE void RunFolder::Samples::write(RunAccess& run) {
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

NADA_INLINE RunFolder::Samples RunFolder::samples(std::int64_t every, int count) const {
  require(every >= 0, "samples every ", every, " steps: expected 0 (only at the start and the end) or more");
  return {*this, every, count};
}

NADA_INLINE void RunFolder::Results::on_finish(RunAccess& run) {
  run.save_delta(folder_ / "adapted.safetensors");
  folder_.write_report(run.step, run.total, seconds_now() - begin_);
}

NADA_INLINE std::filesystem::path RunFolder::picture(std::int64_t step) const {
  char text[32];
  std::snprintf(text, sizeof text, "%06lld.png", static_cast<long long>(step));
  return path_ / "samples" / text;
}

NADA_INLINE RunFolder::RunFolder(std::filesystem::path path, RunNotes notes, bool resumed)
    : path_(std::move(path)), notes_(std::move(notes)), resumed_(resumed) {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(lock_ >= 0, "cannot open the folder ", path_);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(std::exchange(lock_, -1));
    fail(path_, " is in use by another run");
  }
}

NADA_INLINE void RunFolder::write_report(std::int64_t step, std::int64_t total, double seconds) const {
  ReportContent content;
  content.title = notes_.title;
  content.lead = step >= total ? join("All ", total, " steps are done.")
                               : join("Stopped after ", step, " of ", total, " steps; --resume goes on.");
  content.lead += " The upper row shows the source generator, the lower row the adapted one, with the same latents.";
  const auto add = [&](std::int64_t at, std::string caption) {
    const auto file = picture(at);
    const auto png = MappedFile(file);
    const auto shown = read_picture(file);
    content.images.push_back({std::move(caption), {png.bytes().begin(), png.bytes().end()}, shown.width, shown.height});
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

NADA_INLINE std::vector<ReportCurve> RunFolder::read_curves(const std::filesystem::path& path) {
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
      curves[c - 1].points.emplace_back(std::strtod(cells[0].c_str(), nullptr), std::strtod(cells[c].c_str(), nullptr));
  }
  return curves;
}

NADA_INLINE std::filesystem::path free_run_folder(std::string_view target, const std::filesystem::path& runs) {
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
