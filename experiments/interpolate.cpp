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
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/video.hpp"
#include "nada/generators/factorization.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"

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
    table.add("codes", codes, "w+ codes of an inversion, in the place of samples");
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

std::pair<double, double> range_of(const std::string& text) {
  const auto colon = text.find(':');
  nada::require(colon != std::string::npos, "option range: expected A:B, found '", text, "'");
  using Number = nada::detail::OptionText<double>;
  return {Number::read("range", text.substr(0, colon), {}), Number::read("range", text.substr(colon + 1), {})};
}

std::set<int> styles_of(const std::string& text) {
  std::set<int> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    out.insert(nada::detail::OptionText<int>::read("styles", text.substr(at, end - at), {}));
    at = end + 1;
  }
  return out;
}

/// Share of the way at t in [0, 1], slow at both ends.
double eased(double t) { return 0.5 - 0.5 * std::cos(std::numbers::pi * t); }

int interpolate(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty()) table.read_file(o.config);
  if (o.generator.empty()) o.generator = configs() / "avatars" / "generator.safetensors";
  if (table.given("direction") && !table.given("along")) o.along = "direction";
  require(o.along == "latents" || o.along == "weights" || o.along == "direction",
          "option along: expected latents, weights or direction, found '", o.along, "'");
  require(o.along != "weights" || !o.to.empty(), "--along weights needs a domain to go to: give one or more with --to");
  require(o.keys >= 2 && o.keys <= 1000, "option keys: expected 2 to 1000, found ", o.keys);
  require(o.people >= 1 && o.people <= 64, "option people: expected 1 to 64, found ", o.people);
  require(o.frames >= 1 && o.frames <= 10000, "option frames: expected 1 to 10000, found ", o.frames);
  require(std::isfinite(o.truncation), "option truncation: expected a number, found ", o.truncation);
  const auto [from, until] = range_of(o.range);
  const auto chosen = styles_of(o.styles);
  o.machine.use();
  const Placement place{o.machine.place(), torch::kFloat32};
  const auto source = load_generator(o.generator, place);
  std::vector<StyleGan2> domains{source};
  for (const auto& name : o.to)
    domains.push_back(load_generator(find_preset(name, configs() / "avatars" / "presets"), place));
  const auto labels = o.category.labels(source);

  const torch::NoGradGuard no_grad;
  const auto sampled = [&](std::int64_t count) {
    if (!o.codes.empty()) {
      const auto found = load_inversion(o.codes, source).styles;
      require(found.size(0) >= count, o.codes, " holds ", found.size(0), " codes, expected at least ", count);
      return found.narrow(0, 0, count);
    }
    const auto z = Stream{o.seed, 0}.normal(Purpose::samples, {count, source.latent_size()}).to(source.options());
    return truncate(source.map(z, labels), source.mean_style(), o.truncation).contiguous();
  };
  const auto row = [](const StyleGan2& g, const Tensor& w) { return to_pictures(g.synthesize(w, Render{})); };

  // What frame number i shows, of `total`.
  std::int64_t total = 0;
  std::function<std::vector<std::vector<Picture>>(std::int64_t)> frame;
  if (o.along == "latents") {
    const auto keys = sampled(o.keys);
    total = o.keys * o.frames;
    frame = [&, keys](std::int64_t i) {
      const auto key = i / o.frames;
      const double t = eased(static_cast<double>(i % o.frames) / static_cast<double>(o.frames));
      const auto w = at::lerp(keys.narrow(0, key, 1), keys.narrow(0, (key + 1) % o.keys, 1), t);
      std::vector<std::vector<Picture>> out(1);
      for (const auto& g : domains) out[0].push_back(row(g, w).front());
      return out;
    };
  } else if (o.along == "weights") {
    const auto w = sampled(o.codes.empty() ? o.people : 1);
    const auto legs = static_cast<std::int64_t>(o.to.size());
    total = legs * o.frames + 1;
    frame = [&, w, legs](std::int64_t i) {
      const auto leg = std::min(i / o.frames, legs - 1);
      const double t = eased(static_cast<double>(i - leg * o.frames) / static_cast<double>(o.frames));
      const std::vector<Share<StyleGan2>> shares{{&domains[static_cast<std::size_t>(leg)], 1 - t},
                                                 {&domains[static_cast<std::size_t>(leg) + 1], t}};
      return std::vector<std::vector<Picture>>{row(blend(source, std::span<const Share<StyleGan2>>(shares)), w)};
    };
  } else {
    const auto directions = factorize(source, chosen);
    require(o.direction >= 0 && o.direction < directions.rows.size(0), "option direction: expected 0 to ",
            directions.rows.size(0) - 1, ", found ", o.direction);
    const auto w = sampled(o.codes.empty() ? o.people : 1);
    const auto along = directions.rows[o.direction].clone();
    total = o.frames + 1;
    frame = [&, w, along, a = from, b = until](std::int64_t i) {
      const double t = static_cast<double>(i) / static_cast<double>(o.frames);
      std::vector<std::vector<Picture>> out;
      for (const auto& g : domains) out.push_back(row(g, move_styles(w, along, a + t * (b - a), chosen)));
      return out;
    };
  }

  const auto options_text =
      "# " + table.program() + " of nada " + revision() + "\n" + table.render(std::filesystem::current_path());
  const StopSignals signals;
  Progress progress("rendering", total);
  const auto render = [&](std::int64_t i) {
    auto picture = make_grid(frame(i));
    progress.update(i + 1, "");
    require(!StopToken::requested(), "stopped; nothing was written");
    return picture;
  };
  if (o.out.extension() == ".png") {  // a strip: each frame's grid below the last one
    std::vector<std::vector<Picture>> strip;
    for (std::int64_t i = 0; i < total; ++i) {
      auto rows = frame(i);
      progress.update(i + 1, "");
      require(!StopToken::requested(), "stopped; nothing was written");
      for (auto& r : rows) strip.push_back(std::move(r));
    }
    progress.finish();
    auto picture = make_grid(strip);
    picture.text["nada:options"] = options_text;
    write_picture(o.out, picture);
  } else {
    FilmWriter film(o.out, static_cast<int>(o.fps), {{"nada:options", options_text}});
    for (std::int64_t i = 0; i < total; ++i) film.add(render(i));
    film.finish();
    progress.finish();
  }
  std::cout << (o.out.extension() == ".png" ? "picture  " : "film     ") << o.out.string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, interpolate); }
