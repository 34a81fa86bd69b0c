/// Runs that find the codes of a picture, so that looks can be applied to the picture.
#pragma once
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "http.hpp"
#include "input.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/inversion/alignment.hpp"
#include "nada/inversion/inverter_file.hpp"
#include "run_book.hpp"
#include "studio.hpp"

namespace nada::serve {

inline constexpr std::int64_t pixel_limit = 24'000'000;  // of a picture that a client sends

/// Effort says how the codes of a picture are found.
struct Effort {
  std::int64_t steps = 0;   // of a search from scratch; 0: the inverter's work
  std::int64_t refine = 0;  // steps of search after the inverter
  std::uint64_t seed = 0;

  bool searches() const { return steps > 0; }

  /// Reads what a journal has. Those that were written before there was an inverter name the steps of a search.
  static Effort read(const nlohmann::json& asked) {
    return {asked.value("steps", std::int64_t{0}), asked.value("refine", std::int64_t{0}), asked.at("seed")};
  }
  nlohmann::json write() const {
    return searches() ? nlohmann::json{{"steps", steps}, {"seed", seed}}
                      : nlohmann::json{{"refine", refine}, {"seed", seed}};
  }
  /// Returns the options with which `stylize` finds the same.
  std::string options() const {
    return (searches() ? join("method = search\nsteps = ", steps, "\nstarts = 2")
                       : join("method = inverter\nrefine = ", refine)) +
           join("\nseed = ", seed, "\n");
  }
};

/// Stylizer inverts pictures in the queue. The arguments of its constructor must outlive it.
class Stylizer {
 public:
  using json = nlohmann::json;

  /// An inverter that is missing, or that belongs to another generator, is told, and pictures are then searched for.
  Stylizer(RunBook& book, const Studio& studio, MachineOptions machine)
      : book_(book), studio_(studio), machine_(std::move(machine)), options_(options_for(studio)) {}

  /// Whether a picture is found at once where nothing else is asked.
  bool has_inverter() const { return !options_.inverter.empty(); }

  ~Stylizer() {
    if (warmer_.joinable()) warmer_.join();
  }
  Stylizer(const Stylizer&) = delete;
  Stylizer& operator=(const Stylizer&) = delete;

  /// Loads the models beside all else, so that the first picture need not wait for them.
  void warm() {
    warmer_ = std::thread([this] {
      try {
        models();
      } catch (const std::exception& problem) {  // the first picture's run fails with the same words
        std::cerr << "warning: " << first_line(problem.what()) << std::endl;
      }
    });
  }

  /// Queues the inversion of the picture in the body. Returns the run's id.
  /// Errors:  Refusal 400 for a field that is wrong, 415 for a body that is no picture, 429 and 507 as RunBook::reserve;
  ///          Error for a damaged or too large picture and for points that show no face.
  std::string stylize(const Request& q) {
    auto fields = json::object();
    for (const auto& [name, value] : fields_of(q.query)) {
      std::int64_t number = 0;
      const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), number);
      fields[name] = bad == std::errc{} && end == value.data() + value.size() ? json(number) : json(value);
    }
    Input in(std::move(fields));
    const auto effort = read_effort(in);
    std::optional<FacePoints> points;
    if (const auto text = in.text("points", 2000, ""); !text.empty()) points = read_points(text, "points");
    in.finish();
    book_.require_room(q, "stylize");
    const auto square = square_of(q.body, points);
    auto record = book_.reserve("picture", "stylize", q);
    record.asked = effort.write();
    write_picture(book_.journal().picture_of(record.id), square);  // before the record that promises the run
    const auto id = record.id;
    begin(std::move(record), false);
    return id;
  }

  /// Goes on with a run that waited or ran when an earlier server ended: from its beginning.
  void recover(Record record) { begin(std::move(record), true); }

 private:
  static constexpr std::int64_t steps_without_inverter = 100;

  static InvertOptions options_for(const Studio& studio) {
    auto out = studio.inversion_options();
    out.starts = 2;
    out.samples = 128;  // enough to tell a drawn face from another picture, in a quarter of the time
    const auto path = embedded_inverter();
    try {
      const auto file = InverterFile::load(path);
      require(file.base_sha256 == base_hash(studio.source()), path, ": this inverter belongs to another generator");
      file.encoder.check_fits(studio.source());
      out.inverter = path;
      out.samples = 512;  // whose features the file has
    } catch (const Error& problem) {
      std::cerr << "warning: " << problem.what() << "; pictures are searched for in its place" << std::endl;
    }
    return out;
  }

  Effort read_effort(Input& in) const {
    Effort out;
    out.steps = in.whole("steps", 10, 500, 0);
    out.refine = in.whole("refine", 0, 200, 0);
    out.seed = static_cast<std::uint64_t>(in.whole("seed", 0, largest_seed, 0));
    if (in.has("steps") && in.has("refine"))
      refuse(400, "steps are those of a search from scratch and refine those after the inverter; give one of the two");
    if (!out.searches() && !has_inverter()) out = {steps_without_inverter, 0, out.seed};
    return out;
  }

  void begin(Record record, bool surely) {
    const auto id = record.id;
    auto effort = Effort::read(record.asked);
    if (!effort.searches() && !has_inverter()) effort = {steps_without_inverter, 0, effort.seed};
    book_.submit(
        std::move(record), [this, id, effort](const std::atomic<bool>& stop) { return invert(id, effort, stop); },
        surely);
  }

  Picture square_of(const std::string& body, const std::optional<FacePoints>& points) {
    if (!body.starts_with("\x89PNG\r\n\x1a\n") && !body.starts_with("\xFF\xD8\xFF"))
      refuse(415, "the file is neither a PNG nor a JPEG picture");
    // Those that wait hold a thread each, and others must be answered beside them.
    const auto one = std::shared_ptr<void>(nullptr, [this](void*) { --decoders_; });
    if (++decoders_ > 3) refuse(503, "many pictures arrive at once; try again in a moment");
    const std::lock_guard lock(decoding_);
    auto picture = decode_picture(std::as_bytes(std::span(body.data(), body.size())), "the picture", {pixel_limit});
    if (points) return face_of(std::move(picture), *points, studio_.source().resolution());
    return square_picture(std::move(picture), studio_.source().resolution()).square;
  }

  /// Cuts a face out, upright. A large one is made smaller before, so that memory stays bounded.
  /// Errors:  Refusal 400 for a point outside of the picture.
  static Picture face_of(Picture picture, FacePoints points, int resolution) {
    const std::pair<const char*, Point*> all[] = {
        {"left eye", &points.left_eye}, {"right eye", &points.right_eye}, {"mouth", &points.mouth}};
    for (const auto& [name, p] : all)
      if (p->x < 0 || p->y < 0 || p->x > picture.width || p->y > picture.height)
        refuse(400, "points: the ", name, " is outside of the picture, which has ", picture.width, " x ",
               picture.height, " pixels");
    const double shrink = face_quadrangle(points, embedded_framing()).side() / (8.0 * resolution);
    if (shrink > 1) {
      const int width = std::max(1, static_cast<int>(std::lround(picture.width / shrink)));
      const int height = std::max(1, static_cast<int>(std::lround(picture.height / shrink)));
      for (const auto& [name, p] : all) *p = {p->x * width / picture.width, p->y * height / picture.height};
      picture = resize(picture, width, height);
    }
    return square_picture(std::move(picture), resolution, face_quadrangle(points, embedded_framing())).square;
  }

  /// Finds the codes of a picture; leaves picture.png, inversion.png, codes.safetensors, metrics.csv and
  /// options.cfg, with which `stylize --config` repeats the run. Returns whether all steps were made. A search that is
  /// stopped before its first step leaves no codes.
  bool invert(const std::string& id, const Effort& effort, const std::atomic<bool>& stop) {
    const auto folder = book_.folder_of(id);
    std::error_code error;  // of a search that a kill ended
    std::filesystem::remove_all(folder, error);
    std::filesystem::create_directory(folder, error);
    // The generator may be another one than when the picture came.
    const auto square =
        square_picture(read_picture(book_.journal().picture_of(id)), studio_.source().resolution()).square;
    write_text(folder / "options.cfg",
               "# stylize of nada " + revision() + "\nimage = picture.png\n" + effort.options());
    write_picture(folder / "picture.png", square);
    if (stop) return false;
    auto& models = this->models();
    if (effort.searches())
      models.search_with(effort.steps, effort.seed, [&stop] { return !stop; });
    else
      models.refine_with(effort.refine, effort.seed);
    CsvLog metrics(folder / "metrics.csv", {"step", "loss", "seconds"});
    auto last = std::chrono::steady_clock::now();
    bool all = !stop;
    std::int64_t done = 0;
    const auto told = [&](std::int64_t step, std::int64_t, double loss) {
      all = !stop;
      if (!all && done == 0 && effort.searches()) return false;
      const auto now = std::chrono::steady_clock::now();
      metrics.row(
          {std::to_string(step), csv_number(loss), csv_fixed(std::chrono::duration<double>(now - last).count())});
      last = now;
      done = step;
      return all;
    };
    const auto found = models.invert(to_images({square}), told);
    if (done == 0) return false;
    const auto measured = facts_of(found).dump();
    auto picture = to_pictures(found.image).front();
    picture.text["nada:measured"] = measured;
    write_picture(folder / "inversion.png", picture);
    save_inversion(folder / "codes.safetensors", found.inversion, studio_.source(), studio_.generator_path(),
                   {{"nada.measured", measured}});
    return all;
  }

  /// Returns the models, which are loaded once.
  PictureInverter& models() {
    const std::lock_guard lock(loading_);
    if (!models_) models_.emplace(options_, machine_.place());
    return *models_;
  }

  static json facts_of(const InvertedPicture& found) {
    return {{"psnr", std::round(found.psnr * 100) / 100},
            {"identity", std::round(found.identity.value_or(0) * 1000) / 1000},
            {"far", found.domain.far()}};
  }

  RunBook& book_;
  const Studio& studio_;
  MachineOptions machine_;
  InvertOptions options_;
  std::atomic<int> decoders_ = 0;  // requests that decode or wait to
  std::mutex decoding_;            // one picture at a time, so that memory stays bounded
  std::mutex loading_;
  std::optional<PictureInverter> models_;  // once loaded, only the thread of the jobs uses it
  std::thread warmer_;                     // last: it uses the members above
};

}  // namespace nada::serve
