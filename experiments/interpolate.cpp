// Question: what lies between two pictures, two domains, or along a direction?
// Run:      interpolate --to runs/a-zombie-1/adapted.safetensors --out walk.mp4        (latents; a column a domain)
//           interpolate --along weights --to zombie --to sketch --out domains.gif       (the same people, changing)
//           interpolate --direction 3 --range -6:6 --out smile.mp4                      (SeFA)
// Writes:   an MP4 or GIF (through ffmpeg), a PNG strip of the frames, or a folder of numbered PNGs, as --out says
// Source:   Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 5.2; Shen and Zhou, arXiv:2007.06600.
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <numbers>
#include <set>

#include "nada/adaptation/blend.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/video.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/factorization.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/load.hpp"

namespace {

struct Options {
  static constexpr const char* about = "films between latents, between domains and along directions";
  static constexpr const char* example = "interpolate --to runs/a-zombie-1/adapted.safetensors --out walk.mp4";
  std::filesystem::path generator, out = "walk.mp4", config, codes;
  std::vector<std::string> to;
  std::string along = "latents", range = "-6:6", styles;
  std::int64_t keys = 4, people = 4, frames = 30, fps = 30, direction = 0;
  std::uint64_t seed = 0;
  double truncation = 0.8;
  nada::MachineOptions machine;
  nada::ClassOption category;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("What");
    table.add("along", along, "latents, weights or direction", saved, "NAME");
    table.add("generator", generator, "where it starts: generator file or delta (default the embedded one)");
    table.add("to", to, "other domains: presets by name or file, or deltas of the same base", saved, "NAME");
    table.add("codes", codes, "styles w+ of an inversion, in the place of samples");
    category.declare(table);
    table.add("people", people, "samples side by side, along weights and directions");
    table.add("keys", keys, "latents to pass, and back to the first");
    table.add("direction", direction,
              "number of the semantic direction, 0 moves pictures most; means --along direction");
    table.add("range", range, "how far along it, A:B", saved, "A:B");
    table.add("styles", styles, "only in these styles, such as 0,1,2 (default all)", saved, "LIST");
    table.add("frames", frames, "frames from one key, domain or end to the next");
    table.add("fps", fps, "frames a second");
    table.add("seed", seed, "of the samples");
    table.add("truncation", truncation, "psi: 1 changes nothing, 0 gives the mean style");
    table.group("Where to");
    table.add("out", out, "FILE.mp4, FILE.gif, FILE.png (a strip of frames) or a folder for PNGs", session);
    table.add("config", config, "option file; the command line has the last word", session);
    machine.declare(table);
  }
};

/// Returns the two numbers of "A:B".
std::pair<double, double> range_of(const std::string& text) {
  const auto colon = text.find(':');
  nada::require(colon != std::string::npos, "option range: expected A:B, found '", text, "'");
  return {nada::read_number<double>("range", text.substr(0, colon)),
          nada::read_number<double>("range", text.substr(colon + 1))};
}

/// Returns the numbers of styles in "0,1,2"; an empty text means all styles, which an empty set stands for.
std::set<int> styles_of(const std::string& text) {
  std::set<int> out;
  auto words = nada::split_at(text, ',');
  if (words.back().empty()) words.pop_back();  // drop the last word of an empty text, or of one that ends in a comma
  for (const auto& word : words) out.insert(nada::read_number<int>("styles", word));
  return out;
}

/// Returns the share of the way at t in [0, 1], slow at both ends.
double eased(double t) { return 0.5 - 0.5 * std::cos(std::numbers::pi * t); }

/// Frames say what is rendered: the rows of pictures of frame i in [0, count).
struct Frames {
  using Rows = std::vector<std::vector<nada::Picture>>;
  std::int64_t count = 0;
  std::function<Rows(std::int64_t i)> rows;
};

/// Start holds the models and styles that films start from. `domains`: the source generator first, then those of --to.
struct Start {
  std::vector<nada::AnyGenerator> domains;
  nada::Tensor labels;
  const nada::AnyGenerator& source() const { return domains.front(); }
};

/// Reads the option file, fills defaults, and refuses options that contradict each other.
void settle(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty()) table.read_file(o.config);
  if (o.generator.empty()) o.generator = embedded_generator();
  if (table.given("direction") && !table.given("along")) o.along = "direction";
  require(o.along == "latents" || o.along == "weights" || o.along == "direction",
          "option along: expected latents, weights or direction, found '", o.along, "'");
  require(o.along != "weights" || !o.to.empty(), "--along weights needs a domain to go to: give one or more with --to");
  require(o.keys >= 2 && o.keys <= 1000, "option keys: expected 2 to 1000, found ", o.keys);
  require(o.people >= 1 && o.people <= 64, "option people: expected 1 to 64, found ", o.people);
  require(o.frames >= 1 && o.frames <= 10000, "option frames: expected 1 to 10000, found ", o.frames);
  require(std::isfinite(o.truncation), "option truncation: expected a number, found ", o.truncation);
}

Start load_start(const Options& o) {
  using namespace nada;
  const Placement place{o.machine.place(), torch::kFloat32};
  Start out{{load_generator(o.generator, place)}, {}};
  for (const auto& name : o.to) out.domains.push_back(load_generator(find_preset(name, embedded_presets()), place));
  out.labels = o.category.labels(out.source());
  return out;
}

/// Returns the styles w+ [count, L, D] of the inversion --codes, else of the seed's first samples.
/// Errors:  a file that has fewer styles.
nada::Tensor first_styles(const Options& o, const Start& start, std::int64_t count) {
  using namespace nada;
  const auto& source = start.source();
  if (!o.codes.empty()) {
    const auto found = load_inversion(o.codes, source).styles;
    require(found.size(0) >= count, o.codes, " holds ", found.size(0), " codes, expected at least ", count);
    return found.narrow(0, 0, count);
  }
  const auto z = Stream{o.seed, 0}.normal(Purpose::samples, {count, source.latent_size()}).to(source.options());
  return truncate(source.map(z, start.labels), source.mean_style(), o.truncation).contiguous();
}

/// Returns the styles that stand side by side along weights and directions.
nada::Tensor people_of(const Options& o, const Start& start) {
  return first_styles(o, start, o.codes.empty() ? o.people : 1);
}

std::vector<nada::Picture> pictures(const nada::AnyGenerator& generator, const nada::Tensor& styles) {
  return nada::to_pictures(generator.synthesize(styles, nada::Render{}));
}

/// Makes frames that go from key to key and back to the first, with a column for each domain. The frames refer to
/// `o` and `start`.
Frames along_latents(const Options& o, const Start& start) {
  const auto keys = first_styles(o, start, o.keys);
  return {o.keys * o.frames, [&o, &start, keys](std::int64_t i) {
            const auto key = i / o.frames;
            const double t = eased(static_cast<double>(i % o.frames) / static_cast<double>(o.frames));
            const auto w = at::lerp(keys.narrow(0, key, 1), keys.narrow(0, (key + 1) % o.keys, 1), t);
            Frames::Rows out(1);
            for (const auto& g : start.domains) out[0].push_back(pictures(g, w).front());
            return out;
          }};
}

/// Makes frames of the same people while the weights go from domain to domain. The frames refer to `o` and `start`.
Frames along_weights(const Options& o, const Start& start) {
  const auto w = people_of(o, start);
  const auto legs = static_cast<std::int64_t>(o.to.size());
  return {legs * o.frames + 1, [&o, &start, w, legs](std::int64_t i) {
            using namespace nada;
            const auto leg = std::min(i / o.frames, legs - 1);
            const double t = eased(static_cast<double>(i - leg * o.frames) / static_cast<double>(o.frames));
            const std::vector<Share<AnyGenerator>> shares{{&start.domains[static_cast<std::size_t>(leg)], 1 - t},
                                                          {&start.domains[static_cast<std::size_t>(leg) + 1], t}};
            return Frames::Rows{pictures(blend(start.source(), std::span<const Share<AnyGenerator>>(shares)), w)};
          }};
}

/// Makes frames of people moved along a semantic direction of the styles `chosen`, from one end of `range` to the
/// other, with a row for each domain. The frames refer to `o` and `start`.
Frames along_direction(const Options& o, const Start& start, std::pair<double, double> range,
                       const std::set<int>& chosen) {
  const auto directions = nada::factorize(start.source(), chosen);
  nada::require(o.direction >= 0 && o.direction < directions.rows.size(0), "option direction: expected 0 to ",
                directions.rows.size(0) - 1, ", found ", o.direction);
  const auto w = people_of(o, start);
  const auto along = directions.rows[o.direction].clone();
  return {o.frames + 1, [&o, &start, w, along, range, chosen](std::int64_t i) {
            const double t = static_cast<double>(i) / static_cast<double>(o.frames);
            const auto [a, b] = range;
            Frames::Rows out;
            for (const auto& g : start.domains)
              out.push_back(pictures(g, nada::move_styles(w, along, a + t * (b - a), chosen)));
            return out;
          }};
}

/// Renders one frame after another and hands each to `add`.
/// Errors:  a signal that comes before anything was written.
void render(const Frames& frames, nada::Progress& progress, const std::function<void(Frames::Rows)>& add) {
  for (std::int64_t i = 0; i < frames.count; ++i) {
    auto rows = frames.rows(i);
    progress.update(i + 1, "");
    nada::require(!nada::StopToken::requested(), "stopped; nothing was written");
    add(std::move(rows));
  }
}

/// Writes one picture in which each frame's grid stands below the grid before.
void write_strip(const Options& o, const Frames& frames, const std::string& options_text) {
  nada::Progress progress("rendering", frames.count);
  Frames::Rows strip;
  render(frames, progress, [&](Frames::Rows rows) {
    for (auto& r : rows) strip.push_back(std::move(r));
  });
  progress.finish();
  auto picture = nada::make_grid(strip);
  picture.text["nada:options"] = options_text;
  nada::write_picture(o.out, picture);
}

void write_film(const Options& o, const Frames& frames, const std::string& options_text) {
  nada::Progress progress("rendering", frames.count);
  nada::FilmWriter film(o.out, static_cast<int>(o.fps), {{"nada:options", options_text}});
  render(frames, progress, [&](Frames::Rows rows) { film.add(nada::make_grid(rows)); });
  film.finish();
  progress.finish();
}

int interpolate(Options& o, nada::OptionTable& table) {
  using namespace nada;
  settle(o, table);
  const auto range = range_of(o.range);
  const auto chosen = styles_of(o.styles);
  o.machine.use();
  const auto start = load_start(o);
  const torch::NoGradGuard no_grad;
  const auto frames = o.along == "latents"   ? along_latents(o, start)
                      : o.along == "weights" ? along_weights(o, start)
                                             : along_direction(o, start, range, chosen);
  const auto options_text = "# " + made_by(table.program()) + "\n" + table.render(std::filesystem::current_path());
  const StopSignals signals;
  const bool strip = o.out.extension() == ".png";
  (strip ? write_strip : write_film)(o, frames, options_text);
  std::cout << (strip ? "picture  " : "film     ") << o.out.string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, interpolate); }
