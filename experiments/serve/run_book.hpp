/// The knowledge of runs: the contents of their folders, the requests for them, and the queue in which they wait.
#pragma once
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "jobs.hpp"
#include "journal.hpp"
#include "message.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "runs.hpp"

namespace nada::serve {

/// RunSettings say how runs are kept.
struct RunSettings {
  std::size_t most_waiting = 8;
  int jobs = 4, pictures = 100;  // of one address: that wait or run, that are kept
  bool shared = false;           // everybody sees and changes everybody's runs
  bool keeps = true;             // else the server is read-only
  std::uintmax_t quota = 0;      // bytes of all runs; 0: as many as the disk takes
};

/// RunBook knows runs by their ids. Its members may be called from any thread.
class RunBook {
 public:
  using json = nlohmann::json;

  /// Errors:  a folder that cannot be made.
  RunBook(const std::filesystem::path& folder, const RunSettings& settings)
      : settings_(settings), files_(folder), journal_(files_.folder(), settings.keeps), jobs_(settings.most_waiting) {
    jobs_.on_end = [this](const std::string& id, JobState state, const std::string& message) {
      ended(id, state, message);
    };
    if (settings_.keeps) clean();
  }

  const Runs& files() const { return files_; }
  JobQueue& jobs() { return jobs_; }
  const JobQueue& jobs() const { return jobs_; }
  Journal& journal() { return journal_; }
  std::filesystem::path folder_of(const std::string& id) const { return files_.folder() / id; }

  /// The book calls this function when a run has ended.
  std::function<void(const Record&)> on_end;

  /// Returns the record of a new run, with a name that no run had before and an empty folder.
  /// Errors:  Refusal 429 where the queue is full or the client has too much in it, 507 where there is no room on the disk.
  Record reserve(const std::string& text, const std::string& kind, const Request& q) {
    const std::lock_guard lock(making_);
    require_room(q, kind);
    Record record;
    record.id = journal_.reserve(text);
    record.kind = kind;
    record.owner = settings_.shared ? "" : q.owner;
    record.client = journal_.known_as(q.client);
    record.created = std::time(nullptr);
    return record;
  }

  /// Refuses as `reserve` would, before a picture is decoded.
  void require_room(const Request& q, const std::string& kind) const {
    jobs_.require_room();
    int waiting = 0, pictures = 0;
    const auto client = journal_.known_as(q.client);
    for (const auto& record : journal_.all()) {
      if (record.client != client) continue;
      waiting += record.ended == 0;
      pictures += record.kind == "stylize";
    }
    if (waiting >= settings_.jobs)
      refuse(429, "you have ", waiting, " jobs that wait or run; try again when one has ended");
    if (kind == "stylize" && pictures >= settings_.pictures)
      refuse(429, "this server keeps ", pictures, " pictures of yours already; delete some first");
    if (settings_.quota > 0 && size_of_all() > settings_.quota)
      refuse(507, "this server has no room for more runs; delete some of yours");
  }

  /// Writes down a run and puts it into the queue. `surely`: into a full one too.
  /// Errors:  as JobQueue::submit.
  void submit(Record record, JobQueue::Work work, bool surely = false) {
    record.ended = 0;
    record.state.clear();
    record.message.clear();
    const auto id = record.id;
    try {
      journal_.put(record);
      jobs_.submit(id, std::move(work), surely);
    } catch (const std::exception&) {
      drop_empty(id);
      throw;
    }
  }

  /// Whether a person may see and change a run.
  bool may(const std::string& id, const std::string& owner) const {
    const auto record = journal_.find(id);
    return settings_.shared || !record || record->owner.empty() || record->owner == owner;
  }

  /// Returns the runs that a person may see, in short: queued and running ones first, then the newest. Only those whose
  /// words contain `search`; `count` from number `first` on.
  json list(const std::string& owner, const std::string& search, std::size_t first, std::size_t count) const {
    std::vector<json> all;
    for (const auto& run : files_.list()) {
      if (!may(run.id, owner)) continue;
      if (!search.empty() &&
          lower_case(run.id + ' ' + run.option("source") + ' ' + run.option("target")).find(search) ==
              std::string::npos)
        continue;
      all.push_back({{"id", run.id}, {"created", run.created}});
    }
    for (const auto& record : journal_.all())
      if (may(record.id, owner) && !files_.find_options(record.id) &&
          (search.empty() ||
           lower_case(record.id + ' ' + record.asked.value("source", "") + ' ' + record.asked.value("target", ""))
                   .find(search) != std::string::npos))
        all.push_back({{"id", record.id}, {"created", record.created}});
    const auto rank = [&](const json& run) {
      const auto view = jobs_.view(run["id"]);
      const bool going = view && (view->state == JobState::queued || view->state == JobState::running);
      return std::pair(going, run["created"].get<std::int64_t>());
    };
    std::vector<std::pair<std::pair<bool, std::int64_t>, std::string>> order;
    for (const auto& run : all) order.emplace_back(rank(run), run["id"].get<std::string>());
    std::sort(order.rbegin(), order.rend());
    json out{{"total", order.size()}, {"first", first}, {"runs", json::array()}};
    for (std::size_t i = first; i < std::min(order.size(), first + count); ++i) try {
        out["runs"].push_back(in_short(order[i].second));
      } catch (const Refusal&) {  // deleted meanwhile
      }
    return out;
  }

  /// Returns a run by its id, with its options.
  /// Errors:  Refusal 404, also for the run of somebody else.
  json one(const std::string& id, const std::string& owner) const {
    if (!is_name(id) || !may(id, owner)) refuse(404, "there is no run ", in_quotes(id));
    return in_full(id);
  }

  /// Returns the last row of a run's metrics.csv; step 0 where there is no row yet.
  static MetricsRow last_row(const std::filesystem::path& folder) {
    const auto rows = MetricsTail(folder / "metrics.csv").more();
    return rows.empty() ? MetricsRow{} : rows.back();
  }

  /// Deletes a run with its files.
  /// Errors:  Refusal 409 while it waits or runs.
  void remove(const std::string& id) {
    if (const auto view = jobs_.view(id); view && (view->state == JobState::queued || view->state == JobState::running))
      refuse(409, "the run ", id, " is ", name_of(view->state), "; stop it first");
    if (const auto folder = files_.find(id)) {
      if (in_use(*folder)) refuse(409, "the run ", id, " is in use by another program");
      std::error_code error;
      std::filesystem::remove_all(*folder, error);
      if (error) refuse(500, "the run ", id, " cannot be deleted: ", error.message());
    }
    journal_.forget(id);
  }
  /// Deletes runs of this server that ended before `seconds` since 1970. Returns how many.
  std::size_t remove_ended_before(std::int64_t seconds) {
    std::size_t count = 0;
    for (const auto& record : journal_.all())
      if (record.ended != 0 && record.ended < seconds) try {
          remove(record.id);
          ++count;
        } catch (const Refusal&) {  // the next time
        }
    return count;
  }

  /// Waits until no program has the folder of a run locked: one that ends with an earlier server still writes its state.
  /// Errors:  a folder that stays locked.
  static void wait_until_free(const std::filesystem::path& folder, const std::atomic<bool>& stop) {
    for (int i = 0; i < 300 && !stop; ++i) {
      if (!in_use(folder)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (!stop) fail("the run is in use by another program");
  }

  /// Deletes the folder of a run, and the run, where it left nothing.
  void drop_empty(const std::string& id) {
    std::error_code error;
    if (std::filesystem::remove(folder_of(id), error) || !std::filesystem::exists(folder_of(id), error))
      journal_.forget(id);
  }

 private:
  static bool in_use(const std::filesystem::path& folder) {
    const detail::Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return file.number() >= 0 && ::flock(file.number(), LOCK_EX | LOCK_NB) != 0;
  }

  /// Writes down how a job ended. One that was taken out before it began leaves nothing.
  void ended(const std::string& id, JobState state, const std::string& message) {
    auto record = journal_.find(id);
    if (!record) return;
    record->ended = std::time(nullptr);
    record->state = name_of(state);
    record->message = without_paths(message);
    if (on_end) on_end(*record);
    std::error_code error;
    std::filesystem::remove(journal_.picture_of(id), error);
    if (state == JobState::stopped && std::filesystem::is_empty(folder_of(id), error)) return drop_empty(id);
    try {
      journal_.put(*record);
    } catch (const Error& problem) {  // the disk is full, for example: the job is begun again at the next start
      std::cerr << "warning: " << problem.what() << std::endl;
    }
  }

  /// Removes what a killed server left: folders that no run came to, records whose folders are gone.
  void clean() {
    std::error_code error;
    for (const auto& record : journal_.all())
      if (!std::filesystem::is_directory(folder_of(record.id), error)) {
        if (record.ended != 0)
          journal_.forget(record.id);
        else
          std::filesystem::create_directory(folder_of(record.id), error);
      }
    std::vector<std::filesystem::path> empty;
    for (const auto& entry : std::filesystem::directory_iterator(files_.folder(), error)) {
      const auto name = entry.path().filename().string();
      const auto dash = name.rfind('-');
      if (is_name(name) && dash != name.npos && dash + 1 < name.size() &&
          name.find_first_not_of("0123456789", dash + 1) == name.npos &&
          std::filesystem::is_directory(entry.symlink_status(error)) && !journal_.find(name) && !in_use(entry.path()))
        empty.push_back(entry.path());
    }
    for (const auto& path : empty) ::rmdir(path.c_str());  // fails where something is in it
  }

  std::uintmax_t size_of_all() const {
    std::uintmax_t sum = 0;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator at(files_.folder(), error), end; !error && at != end;
         at.increment(error)) {
      std::error_code gone;
      if (at->is_regular_file(gone))
        if (const auto size = at->file_size(gone); !gone) sum += size;
    }
    return sum;
  }

  json in_short(const std::string& id) const {
    const auto record = journal_.find(id);
    const auto view = jobs_.view(id);
    json out;
    if (const auto path = files_.find_options(id)) {
      if (const auto run = Runs::read(*path)) out = describe(*run);
    }
    if (out.is_null()) {
      if (!record) refuse(404, "there is no run ", in_quotes(id));
      out = {{"id", id}, {"kind", record->kind}, {"step", 0}, {"created", record->created}, {"state", "failed"}};
      for (const char* name : {"source", "target", "steps", "seed"})
        if (record->asked.contains(name)) out[name] = record->asked[name];
      if (record->asked.contains("refine"))
        out["steps"] = std::max<std::int64_t>(1, record->asked["refine"].get<std::int64_t>());
    }
    if (record) {
      out["created"] = record->created;
      out["own"] = true;
      if (record->ended != 0 && (record->state == "failed" || record->state == "stopped") && out["state"] != "done")
        out["state"] = record->state;
      if (record->ended != 0 && record->state == "stopped" && record->kind == "stylize") out["state"] = "stopped";
      if (!record->message.empty()) out["message"] = record->message;
      if (record->ended == 0 && !view) out["state"] = "stopped";  // a read-only server does not go on with it
    }
    if (view && (view->state == JobState::queued || view->state == JobState::running)) {
      out["state"] = name_of(view->state);
      out.erase("message");
      if (view->position > 0) out["position"] = view->position, out["waiting"] = view->waiting;
    }
    return out;
  }

  json describe(const RunFiles& run) const {
    const auto row = last_row(run.path);
    const auto number = [&](const char* name) { return std::strtoll(run.option(name).c_str(), nullptr, 10); };
    const bool inverter = run.option("method") == "inverter";  // which is one step
    const auto steps = inverter ? std::max<std::int64_t>(1, number("refine")) : number("steps");
    json out{{"id", run.id},     {"kind", run.kind}, {"created", run.created},
             {"step", row.step}, {"steps", steps},   {"seed", number("seed")}};
    if (row.step > 0) out["loss"] = row.loss;
    if (run.kind == "adapt") {
      out["source"] = run.option("source");
      out["target"] = run.option("target");
      out["pictures"] = run.pictures;
    }
    const bool done = run.finished && (run.kind != "adapt" || row.step >= steps);
    out["state"] = done ? "done" : run.resumable ? "stopped" : "failed";
    out["files"] = json::array();
    for (const char* name : run_file_names) {
      std::error_code error;
      if (std::filesystem::is_regular_file(run.path / name, error)) out["files"].push_back(name);
    }
    return out;
  }

  json in_full(const std::string& id) const {
    auto out = in_short(id);
    out["options"] = json::object();
    const auto path = files_.find_options(id);
    const auto run = path ? Runs::read(*path) : std::nullopt;
    if (!run) return out;
    for (const auto& [key, value] : run->options) {  // names of files, without the paths of this machine
      const bool path = value.starts_with('/') || value.starts_with("../");
      out["options"][key] = path ? value.substr(value.rfind('/') + 1) : value;
    }
    if (run->kind == "stylize" && run->finished) try {
        const auto file = Safetensors::open(run->path / "codes.safetensors");
        const auto facts = json::parse(value_or(file.metadata(), "nada.measured"), nullptr, /*allow_exceptions=*/false);
        if (facts.is_object()) out["measured"] = facts;
      } catch (const Error&) {  // the run is described without them
      }
    return out;
  }

  RunSettings settings_;
  Runs files_;
  Journal journal_;
  std::mutex making_;  // of names
  JobQueue jobs_;      // last: its thread uses the rest
};

}  // namespace nada::serve
