// Question: what does a generator make, before or after an adaptation?
// Run:      generate --generator runs/a-zombie-1/adapted.safetensors --count 24 --seed 7 --out zombies.png
//           generate --generator a.safetensors --generator b.safetensors --columns 8 --count 8      (a row each)
// Writes:   a grid, or with --single one file a sample into the folder --out
#include <cmath>
#include <cstdio>
#include <iostream>

#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/truths.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/load.hpp"

namespace {

struct Options {
  static constexpr const char* about = "makes pictures with a generator or an adapted one";
  static constexpr const char* example =
      "generate --generator runs/a-zombie-1/adapted.safetensors --count 24 --out zombies.png";
  std::vector<std::filesystem::path> generators;
  std::vector<std::string> presets;
  std::filesystem::path base, codes, out, config;
  std::int64_t count = 16, columns = 0, truncation_layers = 0;
  std::uint64_t seed = 0;
  double truncation = 1;
  std::string format = "png", noise = "stored";
  bool single = false;
  nada::MachineOptions machine;
  nada::ClassOption category;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("What");
    table.add(
        "generator", generators,
        "generator file or delta; several give a grid row each, with the same latents (default the embedded one)");
    table.add("preset", presets, "preset by name (`presets list`) or file; several give a row each", saved, "NAME");
    table.add("base", base, "base of the deltas, where it is not where they say");
    table.add("count", count, "samples");
    table.add("codes", codes, "w+ codes of `invert` in place of a seed's samples, a file or a folder of such");
    table.add("seed", seed, "sample n of a seed is always the same");
    table.add("truncation", truncation, "psi: 1 changes nothing, 0 gives the mean style");
    table.add("truncation-layers", truncation_layers, "truncate the first N styles only; 0: all");
    category.declare(table);
    table.add("noise", noise, "noise inputs: none, stored or fresh", saved, "NAME");
    table.group("Where to");
    table.add("out", out, "file of the grid, or folder with --single (default samples.png or samples)", session);
    table.add("format", format, "png or jpg", saved, "NAME");
    table.add("columns", columns, "of the grid; 0: about square");
    table.add("single", single, "one file a sample");
    table.add("config", config, "option file; the command line has the last word", session);
    machine.declare(table);
  }
};

/// Reads the option file, fills defaults, and refuses options that contradict each other.
void settle(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty()) table.read_file(o.config);
  for (const auto& name : o.presets) o.generators.push_back(find_preset(name, embedded_presets()));
  if (o.generators.empty()) o.generators = {embedded_generator()};
  require(o.format == "png" || o.format == "jpg", "option format: expected png or jpg, found '", o.format, "'");
  noise_of(o.noise);  // refuses any other name
  require(o.codes.empty() || (!table.given("seed") && o.category.label < 0),
          "--codes stand for styles as they are: --seed and --class do not apply");
  require(o.count >= 1 && o.count <= 100000, "option count: expected 1 to 100000, found ", o.count);
  require(o.columns >= 0, "option columns: expected 0 or more, found ", o.columns);
  require(std::isfinite(o.truncation), "option truncation: expected a number, found ", o.truncation);
  require(!o.single || o.generators.size() == 1, "--single takes one generator, found ", o.generators.size());
  if (o.out.empty()) o.out = o.single ? "samples" : "samples." + o.format;
  if (!o.single && !table.given("format") && o.out.has_extension())
    o.format = o.out.extension() == ".png" ? "png" : "jpg";
}

std::vector<nada::AnyGenerator> load_generators(const Options& o) {
  using namespace nada;
  const Placement place{o.machine.place(), torch::kFloat32};
  const auto base = o.base.empty() ? std::nullopt : std::optional(o.base);
  std::vector<AnyGenerator> out;
  for (const auto& path : o.generators) {
    const bool with_base = base && is_delta(ModelFile::open(path).kind());
    out.push_back(load_generator(path, place, with_base ? base : std::nullopt));
  }
  return out;
}

/// Returns the samples number `first` to `first + count - 1` of the seed, or the pictures of the codes.
std::vector<nada::Picture> samples(const Options& o, const nada::AnyGenerator& g, std::int64_t first,
                                   std::int64_t count) {
  using namespace nada;
  const Stream stream{o.seed, 0};
  std::vector<Picture> out;
  const auto codes = o.codes.empty() ? Tensor{} : read_codes(o.codes, g);
  require(!codes.defined() || first + count <= codes.size(0), o.codes, ": holds codes of ",
          codes.defined() ? codes.size(0) : 0, " pictures, fewer than the ", o.count, " that are asked for (--count)");
  for (std::int64_t at = first; at < first + count; at += 8) {  // few at a time: large generators need memory
    const auto size = std::min<std::int64_t>(8, first + count - at);
    const auto z = stream.normal(Purpose::samples, {size, g.latent_size()}, at).to(g.options());
    Render render;
    render.noise = noise_of(o.noise);
    render.stream = stream;
    render.first_sample = at;
    const auto styles = o.codes.empty() ? g.map(z, o.category.labels(g)) : codes.narrow(0, at, size);
    const auto w = truncate(styles, g.mean_style(), o.truncation, o.truncation_layers);
    for (auto& picture : to_pictures(g.synthesize(w, render))) out.push_back(std::move(picture));
  }
  return out;
}

/// Writes a picture with the options that made it.
void save(const std::filesystem::path& path, nada::Picture picture, const std::string& options_text) {
  picture.text["nada:options"] = options_text;
  nada::write_picture(path, picture);
}

/// Writes one file for each sample, <out>/000000.png and so on; `columns` samples are made before they are written.
void write_single(const Options& o, const nada::AnyGenerator& generator, std::int64_t columns,
                  const std::string& options_text) {
  nada::make_folders(o.out);
  for (std::int64_t first = 0; first < o.count; first += columns) {
    const auto made = samples(o, generator, first, std::min(columns, o.count - first));
    for (std::size_t i = 0; i < made.size(); ++i) {
      char name[32];
      std::snprintf(name, sizeof name, "%06lld.", static_cast<long long>(first) + static_cast<long long>(i));
      save(o.out / (name + o.format), made[i], options_text);
    }
  }
}

/// Writes one picture: `columns` samples side by side in a row for each generator, then the next samples below.
void write_grid(const Options& o, const std::vector<nada::AnyGenerator>& generators, std::int64_t columns,
                const std::string& options_text) {
  std::vector<std::vector<nada::Picture>> rows;
  for (std::int64_t first = 0; first < o.count; first += columns)
    for (const auto& g : generators) rows.push_back(samples(o, g, first, std::min(columns, o.count - first)));
  save(o.out, nada::make_grid(rows), options_text);
}

int generate(Options& o, nada::OptionTable& table) {
  settle(o, table);
  o.machine.use();
  const auto generators = load_generators(o);
  const torch::NoGradGuard no_grad;
  const auto options_text =
      "# " + nada::made_by(table.program()) + "\n" + table.render(std::filesystem::current_path());
  const auto columns = o.columns ? o.columns
                                 : static_cast<std::int64_t>(std::ceil(std::sqrt(
                                       static_cast<double>(o.count * static_cast<std::int64_t>(generators.size())))));
  if (o.single)
    write_single(o, generators.front(), columns, options_text);
  else
    write_grid(o, generators, columns, options_text);
  std::cout << (o.single ? "pictures " : "picture  ") << o.out.string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, generate); }
