/// Server-sent events, which tell a run as it goes.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "http.hpp"
#include "run_book.hpp"
#include "runs.hpp"

namespace nada::serve {

/// EventText holds the text of events that wait to be sent.
class EventText {
 public:
  /// Adds an event. A client that comes back sends the last `id` that it saw; an empty `id` is not sent.
  void add(const std::string& name, const json& data, const std::string& id = {}) {
    if (!id.empty()) text_ += "id: " + id + "\n";
    text_ += "event: " + name + "\ndata: " + text_of(data) + "\n\n";
  }
  /// Adds a line without meaning, by which a client that went away is noticed.
  void add_comment(const std::string& words) { text_ += ": " + words + "\n\n"; }
  bool empty() const { return text_.empty(); }
  bool send(httplib::DataSink& sink) const { return sink.write(text_.data(), text_.size()); }

 private:
  std::string text_;
};

/// RunWatch tells one client of a run. Its events are `status` when the status changes, `step` for each line of
/// metrics.csv (the step is the event's id), `picture` for each new sample, and `end` at last.
class RunWatch {
 public:
  /// `from` is the last step that the client knows. `open` counts the watches; it was raised for this watch before.
  RunWatch(const RunBook& book, std::string id, std::int64_t from, std::atomic<int>& open)
      : book_(book), id_(std::move(id)), open_(open), tail_(book.folder_of(id_) / "metrics.csv"), from_(from) {}
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;
  ~RunWatch() { --open_; }

  /// Sends the news and waits a moment; ends the stream where the run is over, where the server closes, and after ten
  /// minutes: a page that still wants news comes back by itself. Returns false where the client is gone.
  bool tell(httplib::DataSink& sink, const std::atomic<bool>& closing) {
    const auto now = Clock::now();
    EventText events;
    bool over = false;
    try {
      over = look(events);
    } catch (const Refusal&) {  // the run was taken out of the queue
      events.add("end", {{"state", "stopped"}});
      over = true;
    }
    if (events.empty() && now - spoke_ > std::chrono::seconds(5)) events.add_comment("still here");
    if (!events.empty()) {
      spoke_ = now;
      if (!events.send(sink)) return false;
    }
    if (over || closing || now - begin_ > std::chrono::minutes(10)) {
      sink.done();
      return true;
    }
    if (!sink.is_writable()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// Adds the news. Returns whether the run is over.
  /// Errors:  Refusal 404 for a run that is gone.
  bool look(EventText& events) {
    const auto about = book_.one(id_);
    for (const auto& row : tail_.more()) {
      if (row.step <= from_) continue;
      auto terms = json::object();
      for (const auto& [name, value] : row.terms) terms[name] = value;
      events.add("step", {{"step", row.step}, {"loss", row.loss}, {"terms", terms}, {"seconds", row.seconds}},
                 std::to_string(row.step));
    }
    for (const auto& step : about.value("pictures", json::array()))
      if (step.get<std::int64_t>() > pictures_) {
        pictures_ = step.get<std::int64_t>();
        events.add("picture", {{"step", pictures_}});
      }
    if (auto status = about.dump(); status != told_) {
      told_ = std::move(status);
      events.add("status", about);
    }
    const bool over = about["state"] != "queued" && about["state"] != "running";
    if (over) events.add("end", {{"state", about["state"]}});
    return over;
  }

  const RunBook& book_;
  std::string id_;
  std::atomic<int>& open_;
  MetricsTail tail_;
  std::int64_t from_ = 0, pictures_ = -1;  // the last step and the last sample that were told
  std::string told_;                       // the last status
  Clock::time_point begin_ = Clock::now(), spoke_ = begin_;
};

}  // namespace nada::serve
