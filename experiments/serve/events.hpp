/// Server-sent events, which tell a run as it goes.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "http.hpp"
#include "message.hpp"
#include "run_book.hpp"
#include "runs.hpp"

namespace nada::serve {

/// RunWatch tells one client of a run. Its events are `status` when the status changes, `step` for each line of
/// metrics.csv (the step is the event's id), `picture` for the newest sample, `beat` where nothing else was told for
/// five seconds, and `end` at last.
class RunWatch : public BodyStream {
 public:
  /// `from` is the last step that the client knows. `closed` is called when the client goes.
  RunWatch(const RunBook& book, std::string id, std::string owner, std::int64_t from, std::function<void()> closed)
      : book_(book),
        id_(std::move(id)),
        owner_(std::move(owner)),
        closed_(std::move(closed)),
        tail_(book.folder_of(id_) / "metrics.csv"),
        from_(from) {}
  ~RunWatch() override { closed_(); }

  /// Adds the news; ends where the run is over, and after ten minutes: a page that still wants news comes back by itself.
  bool next(std::string& out) override {
    const auto now = Clock::now();
    bool over = false;
    if (told_.empty()) out += "retry: 2000\n\n";
    try {
      over = look(out);
    } catch (const Refusal&) {  // the run was taken out of the queue, or deleted
      add(out, "end", {{"state", "stopped"}});
      over = true;
    }
    if (out.empty() && now - spoke_ > std::chrono::seconds(5)) add(out, "beat", json::object());  // finds who went away
    if (!out.empty()) spoke_ = now;
    return !over && now - begin_ < std::chrono::minutes(10);
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// Adds an event. A client that comes back sends the last `id` that it saw; an empty `id` is not sent.
  static void add(std::string& out, const std::string& name, const json& data, const std::string& id = {}) {
    if (!id.empty()) out += "id: " + id + "\n";
    out += "event: " + name + "\ndata: " + text_of(data) + "\n\n";
  }

  /// Adds the news. Returns whether the run is over.
  /// Errors:  Refusal 404 for a run that is gone.
  bool look(std::string& out) {
    const auto about = book_.one(id_, owner_);
    for (const auto& row : tail_.more()) {
      if (row.step <= from_) continue;
      auto terms = json::object();
      for (const auto& [name, value] : row.terms) terms[name] = value;
      add(out, "step", {{"step", row.step}, {"loss", row.loss}, {"terms", terms}, {"seconds", row.seconds}},
          std::to_string(row.step));
    }
    if (const auto pictures = about.value("pictures", json::array());
        !pictures.empty() && pictures.back() != picture_) {
      picture_ = pictures.back();
      add(out, "picture", {{"step", picture_}});  // the newest alone; `pictures` of the status lists all
    }
    if (auto status = about.dump(); status != told_) {
      told_ = std::move(status);
      add(out, "status", about);
    }
    const bool over = about["state"] != "queued" && about["state"] != "running";
    if (over) add(out, "end", {{"state", about["state"]}});
    return over;
  }

  const RunBook& book_;
  std::string id_, owner_;
  std::function<void()> closed_;
  MetricsTail tail_;
  std::int64_t from_ = 0;
  json picture_ = -1;  // the last sample that was told
  std::string told_;   // the last status
  Clock::time_point begin_ = Clock::now(), spoke_ = begin_;
};

}  // namespace nada::serve
