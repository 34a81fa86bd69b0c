/// The page and the JSON API (docs/api.md): finds the answer to each request.
#pragma once
#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "clients.hpp"
#include "events.hpp"
#include "gate.hpp"
#include "generating.hpp"
#include "http.hpp"
#include "input.hpp"
#include "jobs.hpp"
#include "keeping.hpp"
#include "message.hpp"
#include "metrics.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/experiment/build.hpp"
#include "nada/formats/file.hpp"
#include "options.hpp"
#include "owners.hpp"
#include "run_book.hpp"
#include "runs.hpp"
#include "serve_page.hpp"
#include "studio.hpp"
#include "stylizing.hpp"
#include "training.hpp"

namespace nada::serve {

inline constexpr const char* page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
inline constexpr const char* report_policy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'";

/// Service answers requests, from any thread. `o`, `studio` and `defaults` must outlive it.
class Service {
 public:
  /// Errors:  a folder of runs that cannot be made. A damaged preset of the users is left out, with a warning.
  Service(const Options& o, Studio& studio, const AdaptDefaults& defaults)
      : o_(o),
        studio_(studio),
        defaults_(defaults),
        ledger_(o.quiet),
        clients_(o.client),
        gate_(o.own_names(), o.trusted, o.password, clients_),
        book_(o.runs, {static_cast<std::size_t>(o.queue), o.client.jobs, o.client.pictures, o.shared, !o.read_only,
                       o.quota_bytes}),
        trainer_(book_, o.machine, defaults, [this](const std::string& text) { studio_.check_text(text); }),
        stylizer_(book_, studio, o.machine),
        desk_(64) {
    book_.on_end = [this](const Record& record) {
      ledger_.job(record.id, record.kind, record.state, record.ended - record.created, record.message);
    };
    for (const auto& path : list_presets(own_presets())) try {
        studio_.add_preset(path, true);
      } catch (const Error& problem) {
        std::cerr << "warning: " << problem.what() << '\n';
      }
    for (const auto& file : serve_page::files)
      page_tags_.push_back(etag_of(std::as_bytes(std::span(file.bytes, file.size))));
  }
  /// Begins with what an earlier server left in the queue.
  void begin() {
    if (o_.read_only) return;
    for (auto& record : book_.journal().all())
      if (record.ended == 0) record.kind == "adapt" ? trainer_.recover(record) : stylizer_.recover(record);
    stylizer_.warm();
    if (o_.keep > 0) janitor_ = std::thread([this] { sweep(); });
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() { close(); }  // closed first: running jobs use the members

  /// Stops running jobs after their step, with their state saved. They and what waits go on with the next server.
  void close() {
    {
      const std::lock_guard lock(closing_mutex_);
      closing_ = true;
      closing_changed_.notify_all();
    }
    book_.jobs().close();
    desk_.close();
    if (janitor_.joinable()) janitor_.join();
  }

  /// Looks at a request's head, and returns an answer where it is refused.
  std::optional<Response> head(Request& q) const {
    const auto refused = gate_.refusal(q);
    if (!refused) return {};
    auto r = say(refused->status, refused->what(), refused->retry_after);
    if (refused->status == 401) r.set("www-authenticate", "Basic realm=\"nada\", charset=\"UTF-8\"");
    return with_manners(q, std::move(r));
  }
  /// Answers what is no request.
  Response problem(int status, const std::string& sentence) const { return with_manners({}, say(status, sentence)); }

  void answer(Request q, const Answer& done) {
    const bool person = q.path == "/" || q.path.starts_with("/api/");
    if (person) settle_owner(q);
    const auto finish = [this, q, done](Response r) {
      if (q.new_owner && (q.path == "/" || q.method == "POST")) r.set("set-cookie", owner_cookie(q));
      try {
        apply_conditions(q, r);
      } catch (...) {
        r = say_problem(std::current_exception());
      }
      done(with_manners(q, std::move(r)));
    };
    try {
      route(q, finish);
    } catch (...) {
      finish(say_problem(std::current_exception()));
    }
  }
  void log(const Request& q, int status, std::size_t bytes, double seconds) {
    ledger_.request(q, status, bytes, seconds);
  }
  /// Is asked for the numbers of the server of the sockets.
  std::function<std::string()> more_metrics;

 private:
  using Parts = std::vector<std::string>;
  std::filesystem::path own_presets() const { return book_.folder_of("presets"); }
  void require_writable() const {
    if (o_.read_only) refuse(403, "this server is read-only: it generates and shows, nothing else");
  }

  /// Sets the headers that all answers have.
  static Response with_manners(const Request&, Response r) {
    r.set("x-content-type-options", "nosniff");
    r.set("referrer-policy", "no-referrer");
    r.set("x-frame-options", "DENY");
    r.set("cross-origin-resource-policy", "same-origin");
    if (!r.has("content-security-policy"))
      r.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    if (!r.has("cache-control")) r.set("cache-control", "private, no-cache");
    return r;
  }

  void route(const Request& q, const Answer& done) {
    const auto parts = path_parts(q.path);
    if (parts.size() >= 2 && parts[0] == "api" && parts[1] == "v2")
      return api(q, {parts.begin() + 2, parts.end()}, done);
    if (parts.size() >= 2 && parts[0] == "api" && parts[1] == "v1")
      refuse(410, "version 1 of this API is gone; /api/v2 is in its place, CHANGELOG.md says what moved");
    if (q.path == "/healthz")
      return expect(q, {"GET"}), done(give({{"good", true}, {"waiting", book_.jobs().waiting()}}));
    if (q.path == "/metrics")
      return expect(q, {"GET"}), done(give_text(ledger_.text(metrics()), "text/plain; version=0.0.4; charset=utf-8"));
    if (q.method != "GET" && q.method != "HEAD") refuse(405, "pages are only read");
    for (std::size_t i = 0; i < serve_page::files.size(); ++i)
      if (const auto& file = serve_page::files[i]; q.path == file.path) return done(page_file(file, page_tags_[i]));
    if (q.path.starts_with("/api") || q.header("accept").find("text/html") == std::string_view::npos)
      refuse(404, "there is nothing of that name");
    done(give_text(
        "<!doctype html><html lang=en><title>Not here</title><h1>There is nothing of that name</h1><p><a href=\"" +
            q.prefix + "/\">To the page</a></p></html>",
        "text/html; charset=utf-8", 404));
  }
  static Response page_file(const serve_page::File& file, const std::string& tag) {
    Response r;
    r.set("content-type", file.type);
    r.set("content-security-policy", page_policy);
    r.set("etag", tag);
    r.bytes = std::as_bytes(std::span(file.bytes, file.size));
    r.holder = std::shared_ptr<const void>(static_cast<const void*>(file.bytes), [](const void*) {});
    return r;
  }

  /// Answers a request below /api/v2/; `p` are the parts of the path.
  void api(const Request& q, const Parts& p, const Answer& done) {
    const auto is = [&](std::size_t size, std::string_view first) { return p.size() == size && p[0] == first; };
    if (is(1, "status")) return expect(q, {"GET"}), done(give(status(q)));
    if (is(1, "openapi.json")) return expect(q, {"GET"}), done(openapi());
    if (is(1, "presets")) return expect(q, {"GET"}), done(give(presets(q)));
    if (is(2, "presets")) return expect(q, {"DELETE"}), done(delete_look(q, p[1]));
    if (is(3, "presets") && p[2] == "picture") return expect(q, {"GET"}), preset_picture(q, p[1], done);
    if (is(1, "words")) return expect(q, {"GET"}), done(give(words(q)));
    if (is(1, "generate")) return expect(q, {"POST"}), generate(q, done);
    if (is(1, "stylize")) {
      expect(q, {"POST"}), require_writable();
      return done(give(book_.one(stylizer_.stylize(q), q.owner), 202));
    }
    if (is(1, "runs") && q.method == "POST") {
      require_writable();
      return done(give(book_.one(trainer_.adapt(Input::parse(q.body), q), q.owner), 202));
    }
    if (is(1, "runs")) return expect(q, {"GET", "POST"}), done(give(runs(q)));
    if (p.size() >= 2 && p[0] == "runs") return run(q, p[1], {p.begin() + 2, p.end()}, done);
    refuse(404, "there is nothing of that name; docs/api.md lists what there is");
  }

  json status(const Request&) const {
    return {{"version", revision()},
            {"read_only", o_.read_only},
            {"shared", o_.shared},
            {"keep_days", o_.keep},
            {"local", o_.own_names().loopback && o_.trusted.empty()},
            {"waiting", book_.jobs().waiting()},
            {"resolution", studio_.source().resolution()},
            {"inverter", stylizer_.has_inverter()},
            {"looks_version", studio_.version()},
            {"limits",
             {{"picture_bytes", picture_limit},
              {"picture_pixels", pixel_limit},
              {"queue", o_.queue},
              {"pictures", most_pictures}}},
            {"adapt",
             {{"source", defaults_.text("source")},
              {"steps", defaults_.whole("steps")},
              {"lr", defaults_.number("lr")},
              {"batch", defaults_.whole("batch")}}}};
  }
  static Response openapi() {
    auto r = give_text(std::string(serve_page::openapi), "application/json");
    return r;
  }
  json presets(const Request& q) const {
    json list = json::array();
    for (const auto& look : studio_.looks())
      list.push_back({{"name", look.name},
                      {"source", look.source},
                      {"target", look.target},
                      {"command", look.command},
                      {"metrics", look.metrics},
                      {"own", look.own},
                      {"deletable", !o_.read_only && look.own && owns_look(look.name, q.owner)},
                      {"picture", "presets/" + look.name + "/picture"}});
    return {{"presets", list}};
  }
  void preset_picture(const Request& q, const std::string& name, const Answer& done) {
    const auto look = studio_.find(name);
    const auto give_it = [](const std::string& png) {
      auto r = give_text(png, "image/png");
      r.set("cache-control", "max-age=60");
      return r;
    };
    if (const auto known = studio_.known_thumbnail(name)) return done(give_it(*known));
    compute("thumbnails of " + q.client, done, [this, name, give_it] { return give_it(studio_.thumbnail(name)); });
  }
  json words(const Request& q) const {
    std::string text, known;
    for (const auto& [name, value] : fields_of(q.query)) {
      if (name != "text" && name != "known") refuse(400, "the field ", in_quotes(name), " is unknown");
      if (name == "known" && value != "true" && value != "false") refuse(400, "known: expected true or false");
      (name == "text" ? text : known) = value;
    }
    if (text.size() > 1000) refuse(400, "text: expected at most 1000 bytes, found ", text.size());
    if (!is_utf8(text)) refuse(400, "text: this is not UTF-8");
    json list = json::array();
    for (const auto& word : studio_.unknown(text)) list.push_back({{"word", word.word}, {"near", word.near}});
    json out{{"unknown", list}};
    if (known == "true") out["known"] = studio_.known();
    return out;
  }
  /// Lets the desk compute an answer.
  template <class Work>
  void compute(const std::string& client, const Answer& done, Work work) {
    desk_.ask(client, [done, work] {
      Response r;
      try {
        r = work();
      } catch (...) {
        r = say_problem(std::current_exception());
      }
      done(std::move(r));
    });
  }
  void generate(const Request& q, const Answer& done) {
    auto asked = PictureRequest::read(Input::parse(q.body), q.header("accept"), book_.files(), studio_);
    if (!asked.run.empty()) book_.one(asked.run, q.owner);  // 404 for the run of somebody else
    compute(q.client, done,
            [this, asked = std::move(asked)] { return make_pictures(asked, studio_, book_.journal().folder()); });
  }

  json runs(const Request& q) const {
    std::size_t first = 0, count = 50;
    std::string search;
    for (const auto& [name, value] : fields_of(q.query)) {
      if (name == "search" && value.size() <= 200 && is_utf8(value)) {
        search = lower_case(value);
        continue;
      }
      auto* const number = name == "first" ? &first : name == "count" ? &count : nullptr;
      if (number == nullptr)
        refuse(400, "the field ", in_quotes(name), " is unknown or too long; known are first, count and search");
      const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), *number);
      if (bad != std::errc{} || end != value.data() + value.size() || *number > 1'000'000)
        refuse(400, name, ": expected a whole number, found ", in_quotes(value));
    }
    if (count < 1 || count > 200) refuse(400, "count: expected 1 to 200, found ", count);
    return book_.list(q.owner, search, first, count);
  }

  /// Answers a request below /api/v2/runs/<id>/; `p` are the parts of the path.
  void run(const Request& q, const std::string& id, const Parts& p, const Answer& done) {
    const auto about = book_.one(id, q.owner);  // 404 where there is none
    const auto is = [&](std::string_view name) { return p.size() == 1 && p[0] == name; };
    if (p.empty() && q.method == "DELETE") return require_writable(), done(delete_run(id));
    if (p.empty()) return expect(q, {"GET", "DELETE"}), done(give(about));
    if (is("events")) return expect(q, {"GET"}), done(events(q, id));
    if (is("cancel") || is("resume")) {
      expect(q, {"POST"}), require_writable(), Input::parse(q.body).finish();
      if (is("resume")) {
        trainer_.resume(id, about, q);
        return done(give(book_.one(id, q.owner), 202));
      }
      book_.jobs().cancel(id);
      return done(give(one_or_stopped(id, q.owner, about), 202));
    }
    if (is("keep")) return expect(q, {"POST"}), require_writable(), keep(q, id, Input::parse(q.body), done);
    expect(q, {"GET"});
    const auto folder = book_.files().find(id);
    if (!folder) refuse(404, "this run has no such file");
    done(give_run_file(id, run_file(*folder, p)));
  }
  /// Returns a run; for a run that was taken out of the queue, of which nothing is left, `before`.
  json one_or_stopped(const std::string& id, const std::string& owner, json before) const {
    try {
      return book_.one(id, owner);
    } catch (const Refusal&) {
      before["state"] = "stopped";
      for (const char* name : {"position", "waiting"}) before.erase(name);
      return before;
    }
  }
  Response delete_run(const std::string& id) {
    book_.remove(id);
    return give({{"deleted", id}});
  }

  /// Answers with a file of a run. Delta and codes may be large, so they are sent while they are read.
  static Response give_run_file(const std::string& id, const std::filesystem::path& path) {
    auto r = give_file(path, content_type(path));
    if (path.extension() == ".html") r.set("content-security-policy", report_policy);
    if (path.extension() == ".safetensors")
      r.set("content-disposition", "attachment; filename=\"" + id + "-" + path.filename().string() + "\"");
    return r;
  }

  std::filesystem::path owner_file(const std::string& look) const { return own_presets() / ("." + look + ".owner"); }
  bool owns_look(const std::string& name, const std::string& owner) const {
    if (o_.shared) return true;
    try {
      return read_text(owner_file(name), 64) == owner;
    } catch (const Error&) {
      return false;
    }
  }
  Response delete_look(const Request& q, const std::string& name) {
    require_writable();
    const auto look = studio_.find(name);
    if (!look.own) refuse(409, "the look ", in_quotes(name), " is part of the program");
    if (!owns_look(name, q.owner)) refuse(403, "the look ", in_quotes(name), " was kept by somebody else");
    std::error_code error;
    studio_.remove(name);
    std::filesystem::remove(look.file, error);
    std::filesystem::remove(owner_file(name), error);
    return give({{"deleted", name}});
  }
  void keep(const Request& q, const std::string& id, Input in, const Answer& done) {
    const auto name = in.text("name", 40);
    in.finish();
    if (!is_name(name)) refuse(400, "name: expected only a-z, 0-9, - and _, found ", in_quotes(name));
    const auto folder = book_.files().find(id);
    if (!folder) refuse(404, "there is no run ", in_quotes(id));
    run_file(*folder, {"adapted.safetensors"});  // 404 where there is none
    compute(q.client, done, [this, name, folder = *folder, owner = q.owner] {
      keep_run(folder, name, own_presets(), studio_);
      if (!o_.shared) write_text(owner_file(name), owner);
      return give({{"name", name}}, 201);
    });
  }

  /// Answers with a stream of the events of a run. The header Last-Event-ID names the step from which the stream goes
  /// on for a client that comes back.
  Response events(const Request& q, const std::string& id) {
    std::int64_t from = 0;
    const auto last = q.header("last-event-id");
    std::from_chars(last.data(), last.data() + last.size(), from);
    clients_.watch(q.client);
    Response r;
    r.set("content-type", "text/event-stream");
    r.set("cache-control", "no-store");
    r.set("x-accel-buffering", "no");
    r.stream =
        std::make_shared<RunWatch>(book_, id, q.owner, from, [this, client = q.client] { clients_.unwatch(client); });
    return r;
  }

  std::string metrics() const {
    std::ostringstream out;
    out << "# TYPE nada_jobs_waiting gauge\nnada_jobs_waiting " << book_.jobs().waiting()
        << "\n# TYPE nada_streams gauge\nnada_streams " << clients_.streams() << '\n';
    return out.str() + (more_metrics ? more_metrics() : "");
  }

  /// Deletes old runs now and then, until the service closes.
  void sweep() {
    std::unique_lock lock(closing_mutex_);
    while (!closing_) {
      lock.unlock();
      const auto count = book_.remove_ended_before(std::time(nullptr) - std::int64_t{86400} * o_.keep);
      if (count > 0)
        std::cout << "deleted " << count << " runs that ended more than " << o_.keep << " days ago" << std::endl;
      lock.lock();
      closing_changed_.wait_for(lock, std::chrono::minutes(10), [&] { return closing_.load(); });
    }
  }

  const Options& o_;
  Studio& studio_;
  const AdaptDefaults& defaults_;
  Ledger ledger_;
  Clients clients_;
  Gate gate_;
  std::mutex closing_mutex_;
  std::condition_variable closing_changed_;
  std::atomic<bool> closing_ = false;
  std::vector<std::string> page_tags_;
  RunBook book_;
  Trainer trainer_;
  Stylizer stylizer_;
  Desk desk_;
  std::thread janitor_;
};

}  // namespace nada::serve
