// Question: what can this generator be talked into? A page to play with it, and a JSON API (docs/api.md).
// Run:      serve [--port 8080] [--runs runs] [--read-only]      then open http://127.0.0.1:8080
// Writes:   <runs>/<id>/: what `adapt` and `stylize` write, one folder a run; <runs>/presets/: presets that were kept
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/adaptation/report.hpp"
#include "nada/adaptation/run_folder.hpp"
#include "nada/core/child.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/inversion/inverter.hpp"
#include "serve/input.hpp"
#include "serve/jobs.hpp"
#include "serve/runs.hpp"
#include "serve/server.hpp"
#include "serve/studio.hpp"
#include "serve_page.hpp"

namespace {

using namespace nada;
using namespace nada::serve;
using nlohmann::json;

struct Options {
  static constexpr const char* about = "a web page to generate, stylise and adapt, with a JSON API";
  static constexpr const char* example = "serve --port 8080";
  std::string host = "127.0.0.1";
  std::vector<std::string> names;
  int port = 8080, clients = 24, queue = 8;
  std::filesystem::path runs = "runs";
  bool read_only = false;
  nada::MachineOptions machine;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("Where");
    table.add("host", host, "address to listen on; others than 127.0.0.1 can be reached from the network", saved,
              "ADDRESS");
    table.add("port", port, "port to listen on; 0: any that is free, printed");
    table.add("name", names, "name by which clients may call this server, beside localhost and addresses", saved,
              "NAME");
    table.add("runs", runs, "folder of the runs", saved, "FOLDER");
    table.group("What");
    table.add("read-only", read_only, "nobody may adapt, stylise or keep: only generate and look");
    table.add("clients", clients, "people at a time to expect");
    table.add("queue", queue, "jobs that may wait");
    machine.declare(table);
  }
};

constexpr std::size_t json_limit = std::size_t{64} << 10, picture_limit = std::size_t{16} << 20;
constexpr std::int64_t pixel_limit = 24'000'000;
constexpr const char* page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
constexpr const char* report_policy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'";

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string base64(std::span<const std::byte> bytes) { return nada::detail::report::base64(bytes); }

/// The defaults of `adapt`, for the page's form.
std::map<std::string, std::string> adapt_defaults() {
  std::map<std::string, std::string> out;
  for (const auto& line : read_options(configs() / "avatars" / "default.cfg")) out.emplace(line.key, line.value);
  return out;
}

class Service {
 public:
  Service(const Options& o, Studio& studio)
      : o_(o),
        runs_(o.runs),
        studio_(studio),
        defaults_(adapt_defaults()),
        desk_(64),
        jobs_(static_cast<std::size_t>(o.queue)) {
    names_.loopback = o.host == "127.0.0.1" || o.host == "localhost" || o.host == "::1";
    names_.other = o.names;
    jobs_.on_dropped = [this](const std::string& id) {
      std::error_code error;
      std::filesystem::remove(runs_.folder() / id, error);  // where it is an empty one, made to keep the name
    };
    std::error_code error;
    std::filesystem::remove(log_path(), error);
    for (const auto& path : list_presets(runs_.folder() / "presets")) try {
        studio_.add_preset(path, true);
      } catch (const Error& problem) {
        std::cerr << "warning: " << problem.what() << '\n';
      }
  }

  /// Stops what runs, after its step, with its state saved.
  void close() {
    closing_ = true;
    jobs_.close();
  }
  void close_streams() { closing_ = true; }

  /// Looks at a request's head. Returns whether the connection ends with the answer, because a body was not read.
  bool head(httplib::Request& q) const {
    q.ranges.clear();  // whole files only
    return refusal(q).has_value();
  }
  /// Why a request is refused before its body is read, if it is.
  std::optional<Refusal> refusal(const httplib::Request& q) const {
    if (q.get_header_value_count("Host") != 1 || !is_own_host(q.get_header_value("Host"), names_))
      return Refusal(403, "this server is not called so: the Host of the request is not one of its names");
    if (!is_own_origin(q.get_header_value("Origin"), q.get_header_value("Host")))
      return Refusal(403, "requests from pages of other sites are refused");
    if (q.path.starts_with("/api/") && q.get_header_value("Sec-Fetch-Site") == "cross-site")
      return Refusal(403, "requests from pages of other sites are refused");
    if (q.method != "GET" && q.method != "HEAD" && q.method != "POST")
      return Refusal(405, "only GET, HEAD and POST are answered here");
    if (q.path.size() > 300) return Refusal(404, "there is nothing of that name");
    if (q.has_header("Transfer-Encoding")) return Refusal(411, "a body must come with its Content-Length");
    if (q.has_header("Content-Encoding")) return Refusal(415, "compressed bodies are not taken");
    std::uint64_t length = 0;
    if (q.has_header("Content-Length")) {
      const auto text = q.get_header_value("Content-Length");
      const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), length);
      if (q.get_header_value_count("Content-Length") != 1 || bad != std::errc{} || end != text.data() + text.size())
        return Refusal(bad == std::errc::result_out_of_range ? 413 : 400, "the Content-Length is not a length");
    } else if (q.method == "POST") {
      return Refusal(411, "a body must come with its Content-Length");
    }
    if (q.method != "POST")
      return length == 0 ? std::nullopt : std::optional(Refusal(400, "a GET request has no body"));
    const auto parts = path_parts(q.path);
    const bool picture = parts.size() == 3 && parts[0] == "api" && parts[2] == "stylize";
    const auto type = media_type(q.get_header_value("Content-Type"));
    if (picture ? type != "image/png" && type != "image/jpeg" : length > 0 && type != "application/json")
      return Refusal(415, picture ? "expected a picture, image/png or image/jpeg" : "expected application/json");
    if (const auto most = picture ? picture_limit : json_limit; length > most)
      return Refusal(413, join("the body has ", length, " bytes, at most ", most, " are taken"));
    return {};
  }

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
    problem(r, std::current_exception());
  }

  static void problem(httplib::Response& r, const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const Refusal& refused) {
      say(r, refused.status, refused.what());
    } catch (const Error& wrong) {
      say(r, 400, wrong.what());
    } catch (const std::bad_alloc&) {
      say(r, 500, "out of memory");
    } catch (const std::exception& other) {
      std::cerr << "error: " << first_line(other.what()) << '\n';
      say(r, 500, "something went wrong here; the server's own output says what");
    }
  }
  static void say(httplib::Response& r, int status, const std::string& sentence) {
    r.status = status;
    r.set_content(json{{"error", sentence}}.dump(-1, ' ', false, json::error_handler_t::replace), "application/json");
  }

 private:
  static std::string media_type(std::string text) {
    text.resize(std::min(text.size(), text.find(';')));
    while (text.ends_with(' ')) text.pop_back();
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  }
  static void give(httplib::Response& r, const json& body, int status = 200) {
    r.status = status;
    r.set_content(body.dump(-1, ' ', false, json::error_handler_t::replace), "application/json");
  }
  void writes() const {
    if (o_.read_only) refuse(403, "this server is read-only: it generates and shows, nothing else");
  }
  static void expect(const httplib::Request& q, bool post) {
    const bool is = q.method == "POST";
    if (is != post) refuse(405, post ? "expected a POST request here" : "expected a GET request here");
  }

  void api(const httplib::Request& q, httplib::Response& r, const std::vector<std::string>& p) {
    if (p.size() == 1 && p[0] == "status") return expect(q, false), give(r, status());
    if (p.size() == 1 && p[0] == "presets") return expect(q, false), give(r, presets());
    if (p.size() == 3 && p[0] == "presets" && p[2] == "picture") {
      expect(q, false);
      const auto look = studio_.find(p[1]);
      r.set_header("Cache-Control", "max-age=60");
      return r.set_content(text_of(look.thumbnail), "image/png");
    }
    if (p.size() == 1 && p[0] == "words") return expect(q, false), give(r, words(q));
    if (p.size() == 1 && p[0] == "generate") return expect(q, true), give(r, generate(Input::parse(q.body)));
    if (p.size() == 1 && p[0] == "stylize") return expect(q, true), writes(), give(r, stylize(q), 202);
    if (p.size() == 1 && p[0] == "runs" && q.method == "POST")
      return writes(), give(r, adapt(Input::parse(q.body)), 202);
    if (p.size() == 1 && p[0] == "runs") {
      json list = json::array();
      for (const auto& run : runs_.list(200)) list.push_back(describe(run, false));
      // queued ones have an empty folder yet
      const std::lock_guard lock(mutex_);
      for (const auto& [id, text] : asked_)
        if (const auto view = jobs_.view(id);
            view && view->state != JobState::stopped &&  // taken out of the queue
            std::none_of(list.begin(), list.end(), [&](const json& run) { return run["id"] == id; }))
          list.insert(list.begin(), with_job(text, *view));
      return give(r, {{"runs", list}});
    }
    if (p.size() >= 2 && p[0] == "runs") return run(q, r, p[1], {p.begin() + 2, p.end()});
    refuse(404, "there is nothing of that name; docs/api.md lists what there is");
  }

  json status() const {
    json out{{"version", revision()},
             {"read_only", o_.read_only},
             {"waiting", jobs_.waiting()},
             {"resolution", studio_.source().resolution()},
             {"limits", {{"picture_bytes", picture_limit}, {"picture_pixels", pixel_limit}, {"queue", o_.queue}}}};
    const auto value = [&](const char* key) {
      const auto at = defaults_.find(key);
      return at == defaults_.end() ? std::string() : at->second;
    };
    out["adapt"] = {{"source", value("source")}, {"steps", std::strtoll(value("steps").c_str(), nullptr, 10)}};
    return out;
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
  json words(const httplib::Request& q) const {
    const auto text = q.get_param_value("text");
    if (text.size() > 1000) refuse(400, "text: expected at most 1000 bytes, found ", text.size());
    if (!is_utf8(text)) refuse(400, "text: this is not UTF-8");
    json list = json::array();
    for (const auto& word : studio_.unknown(text)) list.push_back({{"word", word.word}, {"near", word.near}});
    return {{"unknown", list}};
  }

  json generate(Input in) {
    const auto names = in.names("presets", 32, {"source"});
    const auto strength = in.number("strength", -1, 2, 1);
    std::vector<Latent> latents;
    double truncation = 1;
    std::string run;
    std::filesystem::path codes;
    if (in.has("run")) {  // the picture of a stylising run
      run = in.text("run", 80);
      const auto folder = runs_.find(run);
      if (!folder) refuse(404, "there is no run ", nada::detail::quoted(run));
      codes = run_file(*folder, {"codes.safetensors"});
    } else {
      truncation = in.number("truncation", 0, 1.5, 0.7);
      constexpr std::int64_t most = (std::int64_t{1} << 53) - 1;  // JavaScript's
      if (in.has("latents")) {
        for (auto& item : in.objects("latents", 24)) {
          const auto seed = static_cast<std::uint64_t>(item.whole("seed", 0, most));
          latents.push_back({seed, item.whole("index", 0, 1'000'000)});
          item.finish();
        }
      } else {
        const auto seed = static_cast<std::uint64_t>(in.whole("seed", 0, most, 0));
        const auto count = in.whole("count", 1, 24, 8);
        for (std::int64_t i = 0; i < count; ++i) latents.push_back({seed, i});
      }
    }
    in.finish();
    const auto count = std::max<std::size_t>(1, latents.size());
    if (count * names.size() > 96)
      refuse(400, "expected at most 96 pictures, found ", names.size(), " presets of ", count);
    std::vector<Look> looks;
    for (const auto& name : names) looks.push_back(studio_.find(name));

    return desk_.ask([&]() -> json {
      const auto begin = std::chrono::steady_clock::now();
      Inversion inversion;
      if (run.empty())
        inversion.styles = studio_.styles(latents, truncation);
      else
        inversion = load_inversion(codes, studio_.source());
      json list = json::array();
      for (const auto& look : looks) {
        auto pictures = studio_.pictures(look, strength, inversion);
        for (std::size_t i = 0; i < pictures.size(); ++i) {
          std::string options = "# serve of nada " + revision() + "\n";
          json item{{"preset", look.name}};
          options += format_option("preset", look.name) + "\n" + format_option("strength", join(strength)) + "\n";
          if (run.empty()) {
            options += format_option("seed", join(latents[i].seed)) + "\n" +
                       format_option("index", join(latents[i].index)) + "\n" +
                       format_option("truncation", join(truncation)) + "\n";
            item["seed"] = latents[i].seed;
            item["index"] = latents[i].index;
          } else {
            options += format_option("run", run) + "\n";
            item["run"] = run;
          }
          pictures[i].text["nada:options"] = options;
          item["png"] = base64(encode_png(pictures[i]));
          list.push_back(std::move(item));
        }
      }
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      return {{"pictures", list}, {"seconds", took.count()}};
    });
  }

  /// A new name for a run, kept by an empty folder.
  std::string reserve(const std::string& text) {
    const std::lock_guard lock(mutex_);
    jobs_.require_room();
    const auto path = free_run_folder(text, runs_.folder());
    std::error_code error;
    std::filesystem::create_directory(path, error);
    if (error) refuse(500, "cannot make the folder of the run: ", error.message());
    return path.filename().string();
  }
  void submit(const std::string& id, json asked, JobQueue::Work work) {
    {
      const std::lock_guard lock(mutex_);
      asked_[id] = std::move(asked);
      if (asked_.size() > 1000)  // the queue has forgotten these too
        std::erase_if(asked_, [&](const auto& entry) { return !jobs_.view(entry.first) && entry.first != id; });
    }
    try {
      jobs_.submit(id, std::move(work));
    } catch (const Refusal&) {
      std::error_code error;
      std::filesystem::remove(runs_.folder() / id, error);
      throw;
    }
  }

  std::filesystem::path log_path() const { return runs_.folder() / ".serve.log"; }

  /// Runs `adapt` as a child until it ends or is asked to stop. Returns whether all steps were done.
  bool train(const std::string& id, std::vector<std::string> words, const std::atomic<bool>& stop) {
    std::error_code error;
    std::filesystem::remove(log_path(), error);
    words.insert(words.begin(), (std::filesystem::canonical("/proc/self/exe").parent_path() / "adapt").string());
    words.insert(words.end(), {"--threads=" + join(o_.machine.threads), "--device=" + o_.machine.device});
    const auto folder = runs_.folder() / id;
    // Asked to stop while it loads, it still makes one step: a run that stopped has a state to go on from.
    const auto before = last_row(folder).step;
    Child child(words, {.write_to_it = false, .log = log_path(), .own_group = true});
    bool asked = false;
    while (child.running()) {
      if (stop && !asked && last_row(folder).step != before) {
        child.stop(SIGTERM);
        asked = true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const int code = child.wait();
    std::string log;
    try {
      log = read_text(log_path());
    } catch (const Error&) {
    }
    std::filesystem::remove(log_path(), error);
    if (code != 0) {
      std::filesystem::remove(folder, error);  // where it is empty still
      const auto at = log.find("error: ");
      fail(at == log.npos ? join("the training ended with exit code ", code)
                          : log.substr(at + 7, log.find('\n', at) - at - 7));
    }
    const auto steps = Runs::read(folder);
    return steps && last_row(folder).step >= std::strtoll(steps->option("steps").c_str(), nullptr, 10);
  }
  static MetricsRow last_row(const std::filesystem::path& folder) {
    const auto rows = MetricsTail(folder / "metrics.csv").more();
    return rows.empty() ? MetricsRow{} : rows.back();
  }

  json adapt(Input in) {
    const auto at = defaults_.find("source");
    const auto source = in.text("source", 200, at == defaults_.end() ? std::string("a picture") : at->second);
    const auto target = in.text("target", 200);
    const auto steps = in.whole("steps", 1, 2000, std::strtoll(defaults_.at("steps").c_str(), nullptr, 10));
    const auto seed = in.whole("seed", 0, (std::int64_t{1} << 53) - 1, 0);
    const auto batch = in.whole("batch", 1, 16, std::strtoll(defaults_.at("batch").c_str(), nullptr, 10));
    const auto rate = in.number("lr", 1e-5, 0.1, std::strtod(defaults_.at("lr").c_str(), nullptr));
    in.finish();
    if (source == target) refuse(400, "source and target are the same text, so there is no way between them");
    const auto id = reserve(target);
    std::vector<std::string> words{"--config=" + (configs() / "avatars" / "default.cfg").string(),
                                   "--source=" + source,
                                   "--target=" + target,
                                   "--steps=" + join(steps),
                                   "--seed=" + join(seed),
                                   "--batch=" + join(batch),
                                   "--lr=" + join(rate),
                                   "--samples-every=" + join(std::clamp<std::int64_t>(steps / 8, 5, 50)),
                                   "--out=" + (runs_.folder() / id).string()};
    submit(id, {{"id", id}, {"kind", "adapt"}, {"source", source}, {"target", target}, {"steps", steps}, {"step", 0}},
           [this, id, words](const std::atomic<bool>& stop) { return train(id, words, stop); });
    return one(id);
  }

  json stylize(const httplib::Request& q) {
    json fields = json::object();
    for (const auto& [name, value] : q.params) {
      std::int64_t number = 0;
      const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), number);
      fields[name] = bad == std::errc{} && end == value.data() + value.size() ? json(number) : json(value);
    }
    Input in(fields);
    const auto steps = in.whole("steps", 10, 500, 100);
    const auto seed = in.whole("seed", 0, (std::int64_t{1} << 53) - 1, 0);
    in.finish();
    jobs_.require_room();
    const auto bytes = std::as_bytes(std::span(q.body.data(), q.body.size()));
    if (!q.body.starts_with("\x89PNG\r\n\x1a\n") && !q.body.starts_with("\xFF\xD8\xFF"))
      refuse(415, "the file is neither a PNG nor a JPEG picture");
    Picture square;
    {
      const std::lock_guard lock(decoding_);  // one at a time, so that memory stays bounded
      square =
          square_picture(decode_picture(bytes, "the picture", {pixel_limit}), studio_.source().resolution()).square;
    }
    const auto id = reserve("picture");
    submit(id, {{"id", id}, {"kind", "stylize"}, {"steps", steps}, {"step", 0}},
           [this, id, steps, seed, square](const std::atomic<bool>& stop) {
             return invert(runs_.folder() / id, square, steps, static_cast<std::uint64_t>(seed), stop);
           });
    return one(id);
  }

  /// Searches the codes of a picture; leaves picture.png, inversion.png, codes.safetensors, metrics.csv and
  /// options.cfg, with which `stylize --config` repeats it.
  bool invert(const std::filesystem::path& folder, const Picture& square, std::int64_t steps, std::uint64_t seed,
              const std::atomic<bool>& stop) {
    auto options = studio_.inversion_options();
    options.steps = steps;
    options.starts = 2;
    options.seed = seed;
    write_text(folder / "options.cfg", "# stylize of nada " + revision() + "\nimage = picture.png\nsteps = " +
                                           join(steps) + "\nstarts = 2\nseed = " + join(seed) + "\n");
    write_picture(folder / "picture.png", square);
    if (!inverter_ || inverter_seed_ != seed || inverter_steps_ != steps) {
      inverter_.emplace(options, o_.machine.place());
      inverter_seed_ = seed;
      inverter_steps_ = steps;
    }
    std::ofstream metrics(folder / "metrics.csv");
    metrics << "step,loss,seconds\n" << std::flush;
    auto last = std::chrono::steady_clock::now();
    bool all = true;
    auto found = inverter_->invert(to_images({square}), [&](std::int64_t step, std::int64_t, double loss) {
      const auto now = std::chrono::steady_clock::now();
      char line[96];
      std::snprintf(line, sizeof line, "%lld,%.9g,%.4f\n", static_cast<long long>(step), loss,
                    std::chrono::duration<double>(now - last).count());
      last = now;
      metrics << line << std::flush;
      all = !stop;
      return all;
    });
    auto picture = to_pictures(found.image).front();
    char facts[160];
    std::snprintf(facts, sizeof facts, R"({"psnr": %.2f, "identity": %.3f, "far": %s})", found.psnr,
                  found.identity.value_or(0), found.domain.far() ? "true" : "false");
    picture.text["nada:measured"] = facts;
    Metadata measured;
    measured["nada.measured"] = facts;
    write_picture(folder / "inversion.png", picture);
    save_inversion(folder / "codes.safetensors", found.inversion, studio_.source(), studio_.generator_path(), measured);
    return all;
  }

  // ---------------------------------------------------------------------------------------------------------- a run
  static json with_job(json out, const JobView& view) {
    out["state"] = name_of(view.state);
    if (view.position > 0) out["position"] = view.position, out["waiting"] = view.waiting;
    if (!view.message.empty()) out["message"] = view.message;
    return out;
  }
  json describe(const RunFiles& run, bool long_form) const {
    const auto row = last_row(run.path);
    json out{{"id", run.id}, {"kind", run.kind}, {"created", run.created}, {"step", row.step}};
    out["steps"] = std::strtoll(run.option("steps").c_str(), nullptr, 10);
    if (row.step > 0) out["loss"] = row.loss;
    if (run.kind == "adapt") {
      out["source"] = run.option("source");
      out["target"] = run.option("target");
      out["seed"] = std::strtoll(run.option("seed").c_str(), nullptr, 10);
      out["pictures"] = run.pictures;
    }
    out["state"] = run.finished && (run.kind != "adapt" || row.step >= out["steps"].get<std::int64_t>()) ? "done"
                   : run.resumable                                                                       ? "stopped"
                                                                                                         : "failed";
    if (const auto view = jobs_.view(run.id)) out = with_job(std::move(out), *view);
    json files = json::array();
    for (const char* name : {"options.cfg", "metrics.csv", "adapted.safetensors", "report.html", "codes.safetensors",
                             "picture.png", "inversion.png"}) {
      std::error_code error;
      if (std::filesystem::is_regular_file(run.path / name, error)) files.push_back(name);
    }
    out["files"] = files;
    if (long_form) {
      json options = json::object();
      for (const auto& [key, value] : run.options) options[key] = value;
      out["options"] = options;
      if (run.kind == "stylize" && run.finished) try {
          const auto file = Safetensors::open(run.path / "codes.safetensors");
          const auto facts = json::parse(value_or(file.metadata(), "nada.measured"), nullptr, false);
          if (facts.is_object()) out["measured"] = facts;
        } catch (const Error&) {
        }
    }
    return out;
  }
  /// A run by its id. Errors: Refusal 404.
  json one(const std::string& id) const {
    if (const auto path = runs_.find(id))
      if (const auto run = Runs::read(*path)) return describe(*run, true);
    const std::lock_guard lock(mutex_);
    const auto at = asked_.find(id);
    const auto view = jobs_.view(id);
    if (at == asked_.end() || !view) refuse(404, "there is no run ", nada::detail::quoted(id));
    return with_job(at->second, *view);
  }

  void run(const httplib::Request& q, httplib::Response& r, const std::string& id, const std::vector<std::string>& p) {
    const auto about = one(id);  // 404 where there is none
    if (p.empty()) return expect(q, false), give(r, about);
    if (p.size() == 1 && p[0] == "events") return expect(q, false), events(q, r, id);
    if (p.size() == 1 && p[0] == "cancel") {
      expect(q, true), writes(), Input::parse(q.body).finish();
      jobs_.cancel(id);
      return give(r, one_or(id, about), 202);
    }
    if (p.size() == 1 && p[0] == "resume") {
      expect(q, true), writes(), Input::parse(q.body).finish();
      resume(id, about);
      return give(r, one(id), 202);
    }
    if (p.size() == 1 && p[0] == "keep") return expect(q, true), writes(), give(r, keep(id, Input::parse(q.body)), 201);
    expect(q, false);
    const auto folder = runs_.find(id);
    if (!folder) refuse(404, "this run has no such file");
    const auto path = run_file(*folder, p);
    if (path.extension() == ".html") r.set_header("Content-Security-Policy", report_policy);
    if (path.extension() == ".safetensors")
      r.set_header("Content-Disposition", "attachment; filename=\"" + id + "-" + path.filename().string() + "\"");
    r.set_header("Cache-Control", "no-cache");
    if (path.extension() == ".html" || path.extension() == ".png" || path.extension() == ".csv" ||
        path.extension() == ".cfg")
      return r.set_content(read_text(path), content_type(path));
    auto file = std::make_shared<MappedFile>(path);
    r.set_content_provider(file->bytes().size(), content_type(path),
                           [file](std::size_t at, std::size_t size, httplib::DataSink& sink) {
                             const auto part = file->bytes().subspan(at, std::min(size, std::size_t{1} << 18));
                             return sink.write(reinterpret_cast<const char*>(part.data()), part.size());
                           });
  }
  json one_or(const std::string& id, json otherwise) const {
    try {
      return one(id);
    } catch (const Refusal&) {  // taken out of the queue, so that nothing of it is left
      otherwise["state"] = "stopped";
      return otherwise;
    }
  }

  void resume(const std::string& id, const json& about) {
    const auto folder = runs_.find(id);
    if (!folder || about["kind"] != "adapt") refuse(409, "only a run that adapts can be continued");
    if (about["state"] == "done") refuse(409, "the run ", id, " has all its steps");
    if (!std::filesystem::exists(*folder / "state.safetensors"))
      refuse(409, "the run ", id, " was stopped before its first state was saved; start it again");
    jobs_.submit(id, [this, id, path = *folder](const std::atomic<bool>& stop) {
      return train(id, {"--resume=" + path.string()}, stop);
    });
  }

  json keep(const std::string& id, Input in) {
    const auto name = in.text("name", 40);
    in.finish();
    if (!is_name(name)) refuse(400, "name: expected only a-z, 0-9, - and _, found ", nada::detail::quoted(name));
    const auto folder = runs_.find(id);
    if (!folder) refuse(404, "there is no run ", nada::detail::quoted(id));
    const auto path = run_file(*folder, {"adapted.safetensors"});
    const auto directory = runs_.folder() / "presets";
    return desk_.ask([&]() -> json {
      if (studio_.has(name)) refuse(409, "there is a preset ", nada::detail::quoted(name), " already");
      const auto file = Safetensors::open(path);
      Preset preset;
      preset.name = name;
      preset.source = value_or(file.metadata(), "nada.source");
      preset.target = value_or(file.metadata(), "nada.target");
      preset.options = read_text(*folder / "options.cfg");
      preset.command = "./quickstart adapt --target \"" + preset.target + "\"";
      preset.metrics = "{}";
      preset.delta = load_delta(file);
      const Look look{name,
                      preset.source,
                      preset.target,
                      {},
                      {},
                      true,
                      std::make_shared<StyleGan2>(apply_delta(studio_.source(), preset.delta, name)),
                      {}};
      std::vector<Latent> latents;
      for (std::int64_t i = 0; i < 4; ++i) latents.push_back({0, i});
      preset.sample = encode_png(
          make_grid({studio_.pictures(look, 1, {studio_.styles(latents, 0.8), {}})}, studio_.source().resolution()));
      std::error_code error;
      std::filesystem::create_directories(directory, error);
      if (error) refuse(500, "cannot make the folder of presets: ", error.message());
      save_preset(directory / (name + ".safetensors"), preset, studio_.generator_path());
      studio_.add_preset(directory / (name + ".safetensors"), true);
      return {{"name", name}};
    });
  }

  /// Server-sent events: `status` when it changes, `step` for each line of metrics.csv (its number is the event's id,
  /// from which a client that comes back goes on), `picture` for each new sample, `end` at last.
  void events(const httplib::Request& q, httplib::Response& r, const std::string& id) {
    struct Watch {
      Watch(std::atomic<int>& count, std::filesystem::path metrics) : open(count), tail(std::move(metrics)) {}
      ~Watch() { --open; }
      std::atomic<int>& open;
      MetricsTail tail;
      std::int64_t from = 0, pictures = -1;
      std::string told;
      std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now(), spoke = begin;
    };
    if (++open_streams_ > o_.clients) {
      --open_streams_;
      refuse(429, "too many pages watch runs at once; try again in a moment");
    }
    auto watch = std::make_shared<Watch>(open_streams_, runs_.folder() / id / "metrics.csv");
    const auto from = q.get_header_value("Last-Event-ID");
    std::from_chars(from.data(), from.data() + from.size(), watch->from);
    r.set_header("Cache-Control", "no-store");
    r.set_chunked_content_provider("text/event-stream", [this, id, watch](std::size_t, httplib::DataSink& sink) {
      std::string text;
      const auto event = [&](const char* name, const json& data, const std::string& number = {}) {
        if (!number.empty()) text += "id: " + number + "\n";
        text += join("event: ", name, "\ndata: ", data.dump(-1, ' ', false, json::error_handler_t::replace), "\n\n");
      };
      const auto now = std::chrono::steady_clock::now();
      json about;
      try {
        about = one(id);
      } catch (const Refusal&) {
        event("end", {{"state", "stopped"}});
        sink.write(text.data(), text.size());
        sink.done();
        return true;
      }
      for (const auto& row : watch->tail.more()) {
        if (row.step <= watch->from) continue;
        json terms = json::object();
        for (const auto& [name, value] : row.terms) terms[name] = value;
        event("step", {{"step", row.step}, {"loss", row.loss}, {"terms", terms}, {"seconds", row.seconds}},
              std::to_string(row.step));
      }
      for (const auto& step : about.value("pictures", json::array()))
        if (step.get<std::int64_t>() > watch->pictures) {
          watch->pictures = step.get<std::int64_t>();
          event("picture", {{"step", watch->pictures}});
        }
      if (auto status = about.dump(); status != watch->told) {
        watch->told = std::move(status);
        event("status", about);
      }
      const bool over = about["state"] != "queued" && about["state"] != "running";
      if (over) event("end", {{"state", about["state"]}});
      if (text.empty() && now - watch->spoke > std::chrono::seconds(5)) text = ": still here\n\n";
      if (!text.empty()) {
        watch->spoke = now;
        if (!sink.write(text.data(), text.size())) return false;
      }
      if (over || closing_ || now - watch->begin > std::chrono::minutes(10)) {
        sink.done();  // a page that still wants to know comes back by itself
        return true;
      }
      if (!sink.is_writable()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      return true;
    });
  }

  const Options& o_;
  Runs runs_;
  Studio& studio_;
  Names names_;
  const std::map<std::string, std::string> defaults_;
  std::atomic<bool> closing_ = false;
  std::atomic<int> open_streams_ = 0;
  std::mutex decoding_;
  mutable std::mutex mutex_;                 // of asked_ and of making names
  std::map<std::string, json> asked_;        // what was asked for, by id: what there is before files tell it
  std::optional<PictureInverter> inverter_;  // used by the thread of the jobs alone
  std::uint64_t inverter_seed_ = 0;
  std::int64_t inverter_steps_ = 0;
  Desk desk_;
  JobQueue jobs_;  // last: its thread uses the rest
};

int run_server(Options& o, nada::OptionTable& table) {
  require(o.port >= 0 && o.port <= 65535, "option port: expected 0 to 65535, found ", o.port);
  require(o.clients >= 1 && o.clients <= 1000, "option clients: expected 1 to 1000, found ", o.clients);
  require(o.queue >= 1 && o.queue <= 1000, "option queue: expected 1 to 1000, found ", o.queue);
  for (auto& name : o.names) {
    require(!host_name(name).empty() && host_name(name).size() == name.size(),
            "option name: expected a host's name, found '", name, "'");
    name = host_name(name);
  }
  o.machine.use();
  const StopSignals signals;
  const auto avatars = configs() / "avatars";
  InvertOptions inversion;
  inversion.use_defaults(table);
  Studio studio(inversion, o.machine.place(),
                {avatars / "encoder_rn.safetensors", avatars / "encoder_vit.safetensors"});
  studio.add_source("source", adapt_defaults()["source"]);
  for (const auto& path : list_presets(avatars / "presets")) studio.add_preset(path, false);
  Service service(o, studio);

  DeadlineServer server{ConnectionLimits{}};
  server.new_task_queue = [&] { return new httplib::ThreadPool(static_cast<std::size_t>(3 * o.clients)); };
  server.set_payload_max_length(picture_limit);
  server.set_default_headers({{"X-Content-Type-Options", "nosniff"},
                              {"Referrer-Policy", "no-referrer"},
                              {"X-Frame-Options", "DENY"},
                              {"Cross-Origin-Resource-Policy", "same-origin"}});
  server.on_head = [&](httplib::Request& q) { return service.head(q); };
  server.set_pre_routing_handler([&](const httplib::Request& q, httplib::Response& r) {
    const auto refused = service.refusal(q);
    if (!refused) return httplib::Server::HandlerResponse::Unhandled;
    Service::say(r, refused->status, refused->what());
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_expect_100_continue_handler([&](const httplib::Request& q, httplib::Response& r) {
    const auto refused = service.refusal(q);  // who asks before sending a body is told at once
    if (refused) Service::say(r, refused->status, refused->what());
    return refused ? refused->status : 100;
  });
  const auto answer = [&](const httplib::Request& q, httplib::Response& r) { service.answer(q, r); };
  server.Get(".*", answer);
  server.Post(".*", answer);
  server.set_post_routing_handler([](const httplib::Request&, httplib::Response& r) {
    if (!r.has_header("Content-Security-Policy"))
      r.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (!r.has_header("Cache-Control")) r.set_header("Cache-Control", "no-cache");
  });
  server.set_error_handler([](const httplib::Request&, httplib::Response& r) {
    if (!r.body.empty()) return;
    const int status = r.status;
    Service::say(r, status,
                 status == 414   ? "the address is too long"
                 : status == 413 ? "the body is too large"
                 : status == 404 ? "there is nothing of that name"
                                 : "this is not a request that can be understood");
  });
  server.set_exception_handler(
      [](const httplib::Request&, httplib::Response& r, std::exception_ptr error) { Service::problem(r, error); });

  server.set_socket_options([](socket_t socket) {  // one server a port: a second one is told so
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  const int port = o.port == 0 ? server.bind_to_any_port(o.host) : server.bind_to_port(o.host, o.port) ? o.port : -1;
  require(port > 0, "cannot listen on ", o.host, " port ", o.port, "; is another program there?");
  server.widen(std::max(64, 2 * o.clients));
  std::cout << "open     http://" << (o.host.find(':') == o.host.npos ? o.host : "[" + o.host + "]") << ':' << port
            << "\nruns     " << o.runs.string() << (o.read_only ? "  (read-only)" : "") << std::endl;
  std::thread listening([&] { server.listen_after_bind(); });
  while (!StopToken::requested()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::cout << "stopping" << std::endl;
  service.close();
  server.stop();
  listening.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, run_server); }
