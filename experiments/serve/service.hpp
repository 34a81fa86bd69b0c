/// The page and the JSON API (docs/api.md): finds the answer to each request.
#pragma once
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "events.hpp"
#include "gate.hpp"
#include "generating.hpp"
#include "http.hpp"
#include "input.hpp"
#include "jobs.hpp"
#include "keeping.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/experiment/build.hpp"
#include "nada/formats/file.hpp"
#include "options.hpp"
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
        gate_(o.own_names()),
        book_(o.runs, static_cast<std::size_t>(o.queue)),
        trainer_(book_, o.machine, defaults),
        stylizer_(book_, studio, o.machine),
        desk_(64) {
    for (const auto& path : list_presets(own_presets())) try {
        studio_.add_preset(path, true);
      } catch (const Error& problem) {
        std::cerr << "warning: " << problem.what() << '\n';
      }
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() { close(); }  // closed first: running jobs use the members

  /// Stops running jobs after their step, with their state saved.
  void close() {
    closing_ = true;
    book_.jobs().close();
  }

  /// Looks at a request's head. Returns whether the connection ends with the answer, because a body was not read.
  bool head(httplib::Request& q) const {
    q.ranges.clear();  // whole files only
    return refusal(q).has_value();
  }
  /// Returns why a request is refused before its body is read, or nothing.
  std::optional<Refusal> refusal(const httplib::Request& q) const { return gate_.refusal(q); }

  void answer(const httplib::Request& q, httplib::Response& r) try {
    const auto parts = path_parts(q.path);
    if (parts.size() >= 2 && parts[0] == "api" && parts[1] == "v1") return api(q, r, {parts.begin() + 2, parts.end()});
    if (q.method == "POST") refuse(405, "pages are only read");
    for (const auto& file : serve_page::files)
      if (q.path == file.path) {
        r.set_header("Content-Security-Policy", page_policy);
        return r.set_content(reinterpret_cast<const char*>(file.bytes), file.size, file.type);
      }
    refuse(404, "there is nothing of that name");
  } catch (...) {
    say_problem(r, std::current_exception());
  }

 private:
  std::filesystem::path own_presets() const { return book_.folder_of("presets"); }
  void require_writable() const {
    if (o_.read_only) refuse(403, "this server is read-only: it generates and shows, nothing else");
  }

  /// Answers a request below /api/v1/; `p` are the parts of the path.
  void api(const httplib::Request& q, httplib::Response& r, const std::vector<std::string>& p) {
    if (p.size() == 1 && p[0] == "status") return expect_get(q), give(r, status());
    if (p.size() == 1 && p[0] == "presets") return expect_get(q), give(r, presets());
    if (p.size() == 3 && p[0] == "presets" && p[2] == "picture") return expect_get(q), preset_picture(r, p[1]);
    if (p.size() == 1 && p[0] == "words") return expect_get(q), give(r, words(q));
    if (p.size() == 1 && p[0] == "generate") return expect_post(q), give(r, generate(Input::parse(q.body)));
    if (p.size() == 1 && p[0] == "stylize")
      return expect_post(q), require_writable(), give(r, stylizer_.stylize(q), 202);
    if (p.size() == 1 && p[0] == "runs" && q.method == "POST")
      return require_writable(), give(r, trainer_.adapt(Input::parse(q.body)), 202);
    if (p.size() == 1 && p[0] == "runs") return give(r, {{"runs", book_.list()}});
    if (p.size() >= 2 && p[0] == "runs") return run(q, r, p[1], {p.begin() + 2, p.end()});
    refuse(404, "there is nothing of that name; docs/api.md lists what there is");
  }

  json status() const {
    return {{"version", revision()},
            {"read_only", o_.read_only},
            {"waiting", book_.jobs().waiting()},
            {"resolution", studio_.source().resolution()},
            {"limits", {{"picture_bytes", picture_limit}, {"picture_pixels", pixel_limit}, {"queue", o_.queue}}},
            {"adapt", {{"source", defaults_.text("source")}, {"steps", defaults_.whole("steps")}}}};
  }
  json presets() const {
    json list = json::array();
    for (const auto& look : studio_.looks())
      list.push_back({{"name", look.name},
                      {"source", look.source},
                      {"target", look.target},
                      {"command", look.command},
                      {"metrics", look.metrics},
                      {"own", look.own},
                      {"picture", "/api/v1/presets/" + look.name + "/picture"}});
    return {{"presets", list}};
  }
  void preset_picture(httplib::Response& r, const std::string& name) const {
    const auto look = studio_.find(name);
    r.set_header("Cache-Control", "max-age=60");
    r.set_content(reinterpret_cast<const char*>(look.thumbnail.data()), look.thumbnail.size(), "image/png");
  }
  json words(const httplib::Request& q) const {
    const auto text = q.get_param_value("text");
    if (text.size() > 1000) refuse(400, "text: expected at most 1000 bytes, found ", text.size());
    if (!is_utf8(text)) refuse(400, "text: this is not UTF-8");
    json list = json::array();
    for (const auto& word : studio_.unknown(text)) list.push_back({{"word", word.word}, {"near", word.near}});
    return {{"unknown", list}};
  }
  json generate(Input in) {
    const auto asked = PictureRequest::read(std::move(in), book_.files(), studio_);
    return desk_.ask([&] { return make_pictures(asked, studio_); });
  }

  /// Answers a request below /api/v1/runs/<id>/; `p` are the parts of the path.
  void run(const httplib::Request& q, httplib::Response& r, const std::string& id, const std::vector<std::string>& p) {
    const auto about = book_.one(id);  // 404 where there is none
    if (p.empty()) return expect_get(q), give(r, about);
    if (p.size() == 1 && p[0] == "events") return expect_get(q), events(q, r, id);
    if (p.size() == 1 && p[0] == "cancel") {
      expect_post(q), require_writable(), Input::parse(q.body).finish();
      book_.jobs().cancel(id);
      return give(r, book_.one_or_stopped(id, about), 202);
    }
    if (p.size() == 1 && p[0] == "resume") {
      expect_post(q), require_writable(), Input::parse(q.body).finish();
      trainer_.resume(id, about);
      return give(r, book_.one(id), 202);
    }
    if (p.size() == 1 && p[0] == "keep")
      return expect_post(q), require_writable(), give(r, keep(id, Input::parse(q.body)), 201);
    expect_get(q);
    const auto folder = book_.files().find(id);
    if (!folder) refuse(404, "this run has no such file");
    give_file(r, id, run_file(*folder, p));
  }

  /// Answers with a file of a run. Delta and codes may be large, so they are sent while they are read.
  static void give_file(httplib::Response& r, const std::string& id, const std::filesystem::path& path) {
    if (path.extension() == ".html") r.set_header("Content-Security-Policy", report_policy);
    r.set_header("Cache-Control", "no-cache");
    if (path.extension() != ".safetensors") return r.set_content(read_text(path), content_type(path));
    r.set_header("Content-Disposition", "attachment; filename=\"" + id + "-" + path.filename().string() + "\"");
    auto file = std::make_shared<MappedFile>(path);
    r.set_content_provider(file->bytes().size(), content_type(path),
                           [file](std::size_t at, std::size_t size, httplib::DataSink& sink) {
                             const auto part = file->bytes().subspan(at, std::min(size, std::size_t{1} << 18));
                             return sink.write(reinterpret_cast<const char*>(part.data()), part.size());
                           });
  }

  json keep(const std::string& id, Input in) {
    const auto name = in.text("name", 40);
    in.finish();
    if (!is_name(name)) refuse(400, "name: expected only a-z, 0-9, - and _, found ", in_quotes(name));
    const auto folder = book_.files().find(id);
    if (!folder) refuse(404, "there is no run ", in_quotes(id));
    run_file(*folder, {"adapted.safetensors"});  // 404 where there is none
    return desk_.ask([&]() -> json {
      keep_run(*folder, name, own_presets(), studio_);
      return {{"name", name}};
    });
  }

  /// Answers with a stream of the events of a run. The header Last-Event-ID names the step from which the stream goes
  /// on for a client that comes back.
  void events(const httplib::Request& q, httplib::Response& r, const std::string& id) {
    if (++open_streams_ > o_.clients) {
      --open_streams_;
      refuse(429, "too many pages watch runs at once; try again in a moment");
    }
    std::int64_t from = 0;
    const auto last = q.get_header_value("Last-Event-ID");
    std::from_chars(last.data(), last.data() + last.size(), from);
    const auto watch = std::make_shared<RunWatch>(book_, id, from, open_streams_);
    r.set_header("Cache-Control", "no-store");
    r.set_chunked_content_provider("text/event-stream", [this, watch](std::size_t, httplib::DataSink& sink) {
      return watch->tell(sink, closing_);
    });
  }

  const Options& o_;
  Studio& studio_;
  const AdaptDefaults& defaults_;
  Gate gate_;
  std::atomic<bool> closing_ = false;
  std::atomic<int> open_streams_ = 0;
  RunBook book_;
  Trainer trainer_;
  Stylizer stylizer_;
  Desk desk_;
};

}  // namespace nada::serve
