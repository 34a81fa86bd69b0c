/// The knowledge of runs: the contents of their folders, the requests for them, and the queue in which they wait.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "jobs.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "runs.hpp"

namespace nada::serve {

/// RunBook knows runs by their ids. Its members may be called from any thread.
class RunBook {
 public:
  using json = nlohmann::json;

  /// Errors:  a folder that cannot be made.
  RunBook(const std::filesystem::path& folder, std::size_t most_waiting) : files_(folder), jobs_(most_waiting) {
    jobs_.on_dropped = [this](const std::string& id) {
      std::error_code error;
      std::filesystem::remove(files_.folder() / id, error);  // if it is empty, made to keep the name
    };
  }

  const Runs& files() const { return files_; }
  JobQueue& jobs() { return jobs_; }
  const JobQueue& jobs() const { return jobs_; }
  std::filesystem::path folder_of(const std::string& id) const { return files_.folder() / id; }

  /// Returns a new name for a run and keeps the name by an empty folder.
  /// Errors:  Refusal 429 where the queue is full, 500 where the folder cannot be made.
  std::string reserve(const std::string& text) {
    const std::lock_guard lock(mutex_);
    jobs_.require_room();
    const auto path = free_run_folder(text, files_.folder());
    std::error_code error;
    std::filesystem::create_directory(path, error);
    if (error) refuse(500, "cannot make the folder of the run: ", error.message());
    return path.filename().string();
  }

  /// Puts a run into the queue. `asked` describes the run while its folder is empty.
  /// Errors:  as JobQueue::submit.
  void submit(const std::string& id, json asked, JobQueue::Work work) {
    {
      const std::lock_guard lock(mutex_);
      asked_[id] = std::move(asked);
      if (asked_.size() > 1000)  // the queue has forgotten these runs too
        std::erase_if(asked_, [&](const auto& entry) { return !jobs_.view(entry.first) && entry.first != id; });
    }
    try {
      jobs_.submit(id, std::move(work));
    } catch (const Refusal&) {
      std::error_code error;
      std::filesystem::remove(folder_of(id), error);
      throw;
    }
  }

  /// Returns all runs in short, the waiting runs and at most 200 others: queued runs first, then the newest.
  json list() const {
    json out = json::array();
    for (const auto& run : files_.list(200)) out.push_back(describe(run));
    // the folders of queued runs are still empty
    const std::lock_guard lock(mutex_);
    for (const auto& [id, text] : asked_)
      if (const auto view = jobs_.view(id);
          view && view->state != JobState::stopped &&  // taken out of the queue
          std::none_of(out.begin(), out.end(), [&](const json& run) { return run["id"] == id; }))
        out.insert(out.begin(), with_job(text, *view));
    return out;
  }

  /// Returns a run by its id, with its options.
  /// Errors:  Refusal 404.
  json one(const std::string& id) const {
    if (const auto path = files_.find(id))
      if (const auto run = Runs::read(*path)) return in_full(*run);
    const std::lock_guard lock(mutex_);
    const auto at = asked_.find(id);
    const auto view = jobs_.view(id);
    if (at == asked_.end() || !view) refuse(404, "there is no run ", in_quotes(id));
    return with_job(at->second, *view);
  }

  /// Returns a run; for a run that was taken out of the queue, of which no folder tells, returns `before`.
  json one_or_stopped(const std::string& id, json before) const {
    try {
      return one(id);
    } catch (const Refusal&) {
      before["state"] = "stopped";
      return before;
    }
  }

  /// Returns the last row of a run's metrics.csv; step 0 where there is no row yet.
  static MetricsRow last_row(const std::filesystem::path& folder) {
    const auto rows = MetricsTail(folder / "metrics.csv").more();
    return rows.empty() ? MetricsRow{} : rows.back();
  }

 private:
  static json with_job(json out, const JobView& view) {
    out["state"] = name_of(view.state);
    if (view.position > 0) out["position"] = view.position, out["waiting"] = view.waiting;
    if (!view.message.empty()) out["message"] = view.message;
    return out;
  }

  json describe(const RunFiles& run) const {
    const auto row = last_row(run.path);
    const auto number = [&](const char* name) { return std::strtoll(run.option(name).c_str(), nullptr, 10); };
    const auto steps = number("steps");
    json out{{"id", run.id}, {"kind", run.kind}, {"created", run.created}, {"step", row.step}, {"steps", steps}};
    if (row.step > 0) out["loss"] = row.loss;
    if (run.kind == "adapt") {
      out["source"] = run.option("source");
      out["target"] = run.option("target");
      out["seed"] = number("seed");
      out["pictures"] = run.pictures;
    }
    const bool done = run.finished && (run.kind != "adapt" || row.step >= steps);
    out["state"] = done ? "done" : run.resumable ? "stopped" : "failed";
    if (const auto view = jobs_.view(run.id)) out = with_job(std::move(out), *view);
    out["files"] = json::array();
    for (const char* name : run_file_names) {
      std::error_code error;
      if (std::filesystem::is_regular_file(run.path / name, error)) out["files"].push_back(name);
    }
    return out;
  }

  json in_full(const RunFiles& run) const {
    auto out = describe(run);
    out["options"] = json::object();
    for (const auto& [key, value] : run.options) out["options"][key] = value;
    if (run.kind == "stylize" && run.finished) try {
        const auto file = Safetensors::open(run.path / "codes.safetensors");
        const auto facts = json::parse(value_or(file.metadata(), "nada.measured"), nullptr, /*allow_exceptions=*/false);
        if (facts.is_object()) out["measured"] = facts;
      } catch (const Error&) {  // the run is described without its options
      }
    return out;
  }

  Runs files_;
  mutable std::mutex mutex_;           // of asked_ and of making names
  std::map<std::string, json> asked_;  // by id
  JobQueue jobs_;                      // last: its thread uses the rest
};

}  // namespace nada::serve
