/// Runs that search the codes of a picture, so that looks can be applied to the picture.
#pragma once
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "http.hpp"
#include "input.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "run_book.hpp"
#include "studio.hpp"

namespace nada::serve {

inline constexpr std::int64_t pixel_limit = 24'000'000;  // of a picture that a client sends

/// Stylizer inverts pictures in the queue. The arguments of its constructor must outlive it.
class Stylizer {
 public:
  using json = nlohmann::json;

  Stylizer(RunBook& book, const Studio& studio, MachineOptions machine)
      : book_(book), studio_(studio), machine_(std::move(machine)) {}

  /// Queues the inversion of the picture in the body. Returns the run's id.
  /// Errors:  Refusal 400 for a field that is wrong, 415 for a body that is no picture, 429 and 507 as RunBook::reserve;
  ///          Error for a damaged or too large picture.
  std::string stylize(const Request& q) {
    auto fields = json::object();
    for (const auto& [name, value] : fields_of(q.query)) {
      std::int64_t number = 0;
      const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), number);
      fields[name] = bad == std::errc{} && end == value.data() + value.size() ? json(number) : json(value);
    }
    Input in(std::move(fields));
    const auto steps = in.whole("steps", 10, 500, 100);
    const auto seed = in.whole("seed", 0, largest_seed, 0);
    in.finish();
    book_.require_room(q, "stylize");
    const auto square = square_of(q.body);
    auto record = book_.reserve("picture", "stylize", q);
    record.asked = {{"steps", steps}, {"seed", seed}};
    write_picture(book_.journal().picture_of(record.id), square);  // before the record that promises the run
    const auto id = record.id;
    begin(std::move(record), false);
    return id;
  }

  /// Goes on with a run that waited or ran when an earlier server ended: from its beginning.
  void recover(Record record) { begin(std::move(record), true); }

 private:
  void begin(Record record, bool surely) {
    const auto id = record.id;
    const auto asked = record.asked;
    book_.submit(
        std::move(record),
        [this, id, asked](const std::atomic<bool>& stop) {
          return invert(id, asked.at("steps"), asked.at("seed"), stop);
        },
        surely);
  }

  Picture square_of(const std::string& body) {
    if (!body.starts_with("\x89PNG\r\n\x1a\n") && !body.starts_with("\xFF\xD8\xFF"))
      refuse(415, "the file is neither a PNG nor a JPEG picture");
    // Those that wait hold a thread each, and others must be answered beside them.
    const auto one = std::shared_ptr<void>(nullptr, [this](void*) { --decoders_; });
    if (++decoders_ > 3) refuse(503, "many pictures arrive at once; try again in a moment");
    const std::lock_guard lock(decoding_);
    auto picture = decode_picture(std::as_bytes(std::span(body.data(), body.size())), "the picture", {pixel_limit});
    return square_picture(std::move(picture), studio_.source().resolution()).square;
  }

  /// Searches the codes of a picture; leaves picture.png, inversion.png, codes.safetensors, metrics.csv and
  /// options.cfg, with which `stylize --config` repeats the run. Returns whether all steps were made.
  bool invert(const std::string& id, std::int64_t steps, std::uint64_t seed, const std::atomic<bool>& stop) {
    const auto folder = book_.folder_of(id);
    std::error_code error;  // of a search that a kill ended
    std::filesystem::remove_all(folder, error);
    std::filesystem::create_directory(folder, error);
    const auto square = read_picture(book_.journal().picture_of(id));
    write_text(folder / "options.cfg", "# stylize of nada " + revision() + "\nimage = picture.png\nsteps = " +
                                           join(steps) + "\nstarts = 2\nseed = " + join(seed) + "\n");
    write_picture(folder / "picture.png", square);
    const auto& models = inverter(steps, seed);
    CsvLog metrics(folder / "metrics.csv", {"step", "loss", "seconds"});
    auto last = std::chrono::steady_clock::now();
    bool all = !stop;
    const auto told = [&](std::int64_t step, std::int64_t, double loss) {
      const auto now = std::chrono::steady_clock::now();
      metrics.row(
          {std::to_string(step), csv_number(loss), csv_fixed(std::chrono::duration<double>(now - last).count())});
      last = now;
      all = !stop;
      return all;
    };
    const auto found = models.invert(to_images({square}), told);
    const auto measured = facts_of(found).dump();
    auto picture = to_pictures(found.image).front();
    picture.text["nada:measured"] = measured;
    write_picture(folder / "inversion.png", picture);
    save_inversion(folder / "codes.safetensors", found.inversion, studio_.source(), studio_.generator_path(),
                   {{"nada.measured", measured}});
    return all;
  }

  /// Returns the models, which are loaded once.
  const PictureInverter& inverter(std::int64_t steps, std::uint64_t seed) {
    if (!inverter_) {
      auto options = studio_.inversion_options();
      options.starts = 2;
      options.samples = 128;  // enough to tell a drawn face from another picture, in a quarter of the time
      inverter_.emplace(options, machine_.place());
    }
    inverter_->search_with(steps, seed);
    return *inverter_;
  }

  static json facts_of(const InvertedPicture& found) {
    return {{"psnr", std::round(found.psnr * 100) / 100},
            {"identity", std::round(found.identity.value_or(0) * 1000) / 1000},
            {"far", found.domain.far()}};
  }

  RunBook& book_;
  const Studio& studio_;
  MachineOptions machine_;
  std::atomic<int> decoders_ = 0;            // requests that decode or wait to
  std::mutex decoding_;                      // one picture at a time, so that memory stays bounded
  std::optional<PictureInverter> inverter_;  // only the thread of the jobs uses it
};

}  // namespace nada::serve
