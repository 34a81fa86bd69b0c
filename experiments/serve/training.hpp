/// Runs of `adapt`, each in a child process.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
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

  Trainer(RunBook& book, MachineOptions machine, const AdaptDefaults& defaults)
      : book_(book), machine_(std::move(machine)), defaults_(defaults) {
    std::error_code error;
    std::filesystem::remove(log_path(), error);
  }

  /// Queues a run.
  /// Errors:  Refusal 400 for a field that is wrong, 429 where the queue is full.
  json adapt(Input in) {
    const auto source = in.text("source", 200, defaults_.text("source"));
    const auto target = in.text("target", 200);
    const auto steps = in.whole("steps", 1, 2000, defaults_.whole("steps"));
    const auto seed = in.whole("seed", 0, largest_seed, 0);
    const auto batch = in.whole("batch", 1, 16, defaults_.whole("batch"));
    const auto rate = in.number("lr", 1e-5, 0.1, defaults_.number("lr"));
    in.finish();
    if (source == target) refuse(400, "source and target are the same text, so there is no way between them");
    const auto id = book_.reserve(target);
    std::vector<std::string> words{"--config=" + embedded_options().string(),
                                   "--source=" + source,
                                   "--target=" + target,
                                   "--steps=" + join(steps),
                                   "--seed=" + join(seed),
                                   "--batch=" + join(batch),
                                   "--lr=" + join(rate),
                                   "--samples-every=" + join(std::clamp<std::int64_t>(steps / 8, 5, 50)),
                                   "--out=" + book_.folder_of(id).string()};
    book_.submit(id,
                 {{"id", id}, {"kind", "adapt"}, {"source", source}, {"target", target}, {"steps", steps}, {"step", 0}},
                 [this, id, words](const std::atomic<bool>& stop) { return train(id, words, stop); });
    return book_.one(id);
  }

  /// Queues the rest of a stopped run, which `about` describes.
  /// Errors:  Refusal 409 where nothing is left.
  void resume(const std::string& id, const json& about) {
    const auto folder = book_.files().find(id);
    if (!folder || about["kind"] != "adapt") refuse(409, "only a run that adapts can be continued");
    if (about["state"] == "done") refuse(409, "the run ", id, " has all its steps");
    if (!std::filesystem::exists(*folder / "state.safetensors"))
      refuse(409, "the run ", id, " was stopped before its first state was saved; start it again");
    book_.jobs().submit(id, [this, id, path = *folder](const std::atomic<bool>& stop) {
      return train(id, {"--resume=" + path.string()}, stop);
    });
  }

 private:
  std::filesystem::path log_path() const { return book_.folder_of(".serve.log"); }

  /// Runs `adapt` until it ends or is asked to stop. Returns whether all steps were done.
  /// Errors:  a run that failed.
  bool train(const std::string& id, std::vector<std::string> words, const std::atomic<bool>& stop) const {
    std::error_code error;
    std::filesystem::remove(log_path(), error);
    words.insert(words.begin(), (std::filesystem::canonical("/proc/self/exe").parent_path() / "adapt").string());
    words.insert(words.end(), {"--threads=" + join(machine_.threads), "--device=" + machine_.device});
    const auto folder = book_.folder_of(id);
    const int code = wait_for(words, folder, stop);
    std::string log;
    try {
      log = read_text(log_path());
    } catch (const Error&) {  // the run wrote no options
    }
    std::filesystem::remove(log_path(), error);
    if (code != 0) {
      std::filesystem::remove(folder, error);  // only where the folder is still empty
      const auto at = log.find("error: ");
      fail(at == log.npos ? join("the training ended with exit code ", code)
                          : log.substr(at + 7, log.find('\n', at) - at - 7));
    }
    const auto run = Runs::read(folder);
    return run && RunBook::last_row(folder).step >= std::strtoll(run->option("steps").c_str(), nullptr, 10);
  }

  /// Returns the exit code of the child. A child that is asked to stop while it loads still makes one step, because a
  /// stopped run needs a state to continue from.
  int wait_for(const std::vector<std::string>& words, const std::filesystem::path& folder,
               const std::atomic<bool>& stop) const {
    const auto before = RunBook::last_row(folder).step;
    Child child(words, {.write_to_it = false, .log = log_path(), .own_group = true});
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
};

}  // namespace nada::serve
