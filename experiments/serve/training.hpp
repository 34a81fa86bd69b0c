/// Runs of `adapt`, each in a child process.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "input.hpp"
#include "nada/core/child.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/options_file.hpp"
#include "run_book.hpp"
#include "runs.hpp"

namespace nada::serve {

/// AdaptDefaults are the values that `adapt` takes where a client gives none: those of the embedded
/// default's option file.
class AdaptDefaults {
 public:
  AdaptDefaults() {
    for (const auto& line : read_options(embedded_options())) values_.insert_or_assign(line.key, line.value);
  }
  /// Returns the value of an option, an empty text where the file does not set it.
  std::string text(const std::string& key) const {
    const auto at = values_.find(key);
    return at == values_.end() ? std::string() : at->second;
  }
  std::int64_t whole(const std::string& key) const { return std::strtoll(text(key).c_str(), nullptr, 10); }
  double number(const std::string& key) const { return std::strtod(text(key).c_str(), nullptr); }

 private:
  std::map<std::string, std::string> values_;
};

/// Trainer starts runs of `adapt` and continues stopped runs. `book` and the objects that it refers to
/// must outlive it.
class Trainer {
 public:
  using json = nlohmann::json;

  /// `check` refuses texts that an encoder cannot read.
  Trainer(RunBook& book, MachineOptions machine, const AdaptDefaults& defaults,
          std::function<void(const std::string&)> check)
      : book_(book), machine_(std::move(machine)), defaults_(defaults), check_(std::move(check)) {}

  /// Queues a run. Returns its id.
  /// Errors:  Refusal 400 for a field that is wrong, 429 and 507 as RunBook::reserve.
  std::string adapt(Input in, const Request& q) {
    json asked{{"source", in.text("source", 200, defaults_.text("source"))},
               {"target", in.text("target", 200)},
               {"steps", in.whole("steps", 1, 2000, defaults_.whole("steps"))},
               {"seed", in.whole("seed", 0, largest_seed, 0)},
               {"batch", in.whole("batch", 1, 16, defaults_.whole("batch"))},
               {"lr", in.number("lr", 1e-5, 0.1, defaults_.number("lr"))}};
    in.finish();
    if (asked["source"] == asked["target"])
      refuse(400, "source and target are the same text, so there is no way between them");
    for (const char* text : {"source", "target"}) check_(asked[text]);
    auto record = book_.reserve(asked["target"], "adapt", q);
    record.asked = std::move(asked);
    const auto id = record.id;
    begin(std::move(record), false);
    return id;
  }

  /// Queues the rest of a stopped run, which `about` describes.
  /// Errors:  Refusal 409 where nothing is left, or where the run is not stopped.
  void resume(const std::string& id, const json& about, const Request& q) {
    if (about["kind"] != "adapt") refuse(409, "only a run that adapts can be continued");
    if (about["state"] == "queued" || about["state"] == "running")
      refuse(409, "the run ", id, " is ", about["state"].get<std::string>(), " already");
    if (about["state"] == "done") refuse(409, "the run ", id, " has all its steps");
    if (!has_state(id)) refuse(409, "the run ", id, " was stopped before its first state was saved; start it again");
    book_.require_room(q, "adapt");
    Record record;
    if (const auto known = book_.journal().find(id)) {
      record = *known;
    } else {  // a run of the command line
      record.id = id;
      record.kind = "adapt";
      record.created = about["created"];
      record.client = book_.journal().known_as(q.client);
    }
    begin(std::move(record), false);
  }

  /// Goes on with a run that waited or ran when an earlier server ended.
  void recover(Record record) { begin(std::move(record), true); }

 private:
  bool has_state(const std::string& id) const {
    std::error_code error;
    return std::filesystem::is_regular_file(book_.folder_of(id) / "state.safetensors", error);
  }
  std::filesystem::path log_path() const { return book_.journal().folder() / "log"; }

  void begin(Record record, bool surely) {
    const auto id = record.id;
    const auto asked = record.asked;
    book_.submit(
        std::move(record), [this, id, asked](const std::atomic<bool>& stop) { return train(id, asked, stop); }, surely);
  }

  std::vector<std::string> words_of(const std::string& id, const json& asked) const {
    const auto folder = book_.folder_of(id);
    if (has_state(id)) return {"--resume=" + folder.string()};
    std::error_code error;  // what a run left that was killed before its first state
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
      std::filesystem::remove_all(entry.path(), error);
    std::filesystem::create_directory(folder, error);
    const auto steps = asked.at("steps").get<std::int64_t>();
    return {"--config=" + embedded_options().string(),
            "--source=" + asked.at("source").get<std::string>(),
            "--target=" + asked.at("target").get<std::string>(),
            "--steps=" + join(steps),
            "--seed=" + join(asked.at("seed").get<std::int64_t>()),
            "--batch=" + join(asked.at("batch").get<std::int64_t>()),
            "--lr=" + join(asked.at("lr").get<double>()),
            "--samples-every=" + join(std::clamp<std::int64_t>(steps / 8, 5, 50)),
            "--out=" + folder.string()};
  }

  bool complete(const std::string& id) const {
    const auto run = Runs::read(book_.folder_of(id));
    return run && run->finished &&
           RunBook::last_row(book_.folder_of(id)).step >= std::strtoll(run->option("steps").c_str(), nullptr, 10);
  }

  /// Runs `adapt` until it ends or is asked to stop. Returns whether all steps were done.
  /// Errors:  a run that failed.
  bool train(const std::string& id, const json& asked, const std::atomic<bool>& stop) const {
    const auto folder = book_.folder_of(id);
    RunBook::wait_until_free(folder, stop);
    if (complete(id)) return true;  // the server was killed between its end and the note of it
    std::error_code error;
    std::filesystem::remove(log_path(), error);
    auto words = words_of(id, asked);
    words.insert(words.begin(), (std::filesystem::canonical("/proc/self/exe").parent_path() / "adapt").string());
    words.insert(words.end(), {"--threads=" + join(machine_.threads), "--device=" + machine_.device});
    const int code = wait_for(words, folder, stop);
    std::string log;
    try {
      log = read_text(log_path());
    } catch (const Error&) {  // the run wrote no options
    }
    std::filesystem::remove(log_path(), error);
    if (code != 0) {
      auto space = std::filesystem::space(folder, error);
      if (!error && space.available < (std::uintmax_t{1} << 20)) fail("the disk of this server is full");
      fail(reason_in(log, code));
    }
    return complete(id);
  }

  /// Returns why a run failed, by its output.
  static std::string reason_in(const std::string& log, int code) {
    const auto at = log.find("error: ");
    return at == log.npos ? join("the training ended with exit code ", code)
                          : log.substr(at + 7, log.find('\n', at) - at - 7);
  }

  /// Returns the exit code of the child. A child that is asked to stop while it loads still makes one step, because a
  /// stopped run needs a state to continue from. The child ends with this server, also where that is killed.
  int wait_for(const std::vector<std::string>& words, const std::filesystem::path& folder,
               const std::atomic<bool>& stop) const {
    const auto before = RunBook::last_row(folder).step;
    Child child(words, {.write_to_it = false, .log = log_path(), .own_group = true, .ends_with_parent = true});
    bool asked = false;
    while (child.running()) {
      if (stop && !asked && RunBook::last_row(folder).step != before) {
        child.stop(SIGTERM);
        asked = true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return child.wait();
  }

  RunBook& book_;
  MachineOptions machine_;
  const AdaptDefaults& defaults_;
  std::function<void(const std::string&)> check_;
};

}  // namespace nada::serve
