// Question: how near is a generator to a text or to real pictures, and what did it keep?
// Run:      evaluate --generator adapted.safetensors --real configs/avatars/targets/zombie.png --tile 64
// Writes:   <out>.md, <out>.csv and <out>.json; prints the table. Rows are generators, columns metrics
//           (docs/policies.md)
#include <iostream>

#include "nada/adaptation/delta.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/table.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/formats/picture_set.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/sha256.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/text_score.hpp"
#include "nada/shifts/text_shift.hpp"

namespace {

using namespace nada;
namespace fs = std::filesystem;

struct Options {
  static constexpr const char* about = "measures generators against texts and real pictures";
  static constexpr const char* example =
      "evaluate --generator runs/a-zombie-1/adapted.safetensors --real configs/avatars/targets/zombie.png --tile 64";
  std::vector<fs::path> generators;
  fs::path base, encoder, vocabulary, templates, real, out = "evaluation";
  std::string source, target;
  std::int64_t count = 500;
  int tile = 0;
  std::uint64_t seed = 1;
  double truncation = 1;
  MachineOptions machine;
  ClassOption category;

  void declare(OptionTable& table) {
    table.group("What");
    table.add("generator", generators, "generator file or delta; several may be given, a row each");
    table.add("base", base, "the source generator that images are compared with (default a delta's own base)");
    category.declare(table);
    table.add("target", target, "text that the images should show (default a delta's own)");
    table.add("source", source, "text of what they were (default a delta's own)");
    table.add("templates", templates, "prompt templates (default the embedded ones)");
    table.add("real", real, "real pictures of the target: a folder, or one file");
    table.add("tile", tile, "pixels of the tiles that the file --real is cut into; 0: it is one picture");
    table.group("How");
    table.add("encoder", encoder,
              "encoder that measures, never one that was trained against (default the embedded held-out one)");
    table.add("vocabulary", vocabulary, "byte-pair merges, where the encoder's file holds none");
    table.add("count", count, "samples of each generator");
    table.add("seed", seed, "of the samples");
    table.add("truncation", truncation, "psi of the samples");
    table.group("Results");
    table.add("out", out, "files that are written, without their extensions", OptionTable::Kind::session, "NAME");
    machine.declare(table);
  }
};

std::string hash_of(const fs::path& file) {
  Sha256 hash;
  hash.update(read_text(file, std::size_t{8} << 30));
  return hash.hex();
}

/// What a delta's file says of its run: nothing for a generator file.
struct Origin {
  std::string source, target;
  fs::path base;
};

/// Reads a delta's metadata. Errors: a delta that was trained against the encoder that measures.
Origin origin_of(const fs::path& path, const fs::path& encoder) {
  const auto model = ModelFile::open(path);
  if (model.kind() != FileKind::delta) return {};
  const auto file = Safetensors::open(path);
  Origin out{value_or(file.metadata(), "nada.source"), value_or(file.metadata(), "nada.target"), {}};
  if (const auto base = value_or(file.metadata(), "nada.base"); !base.empty()) out.base = path.parent_path() / base;
  for (const auto& line : parse_options(value_or(file.metadata(), "nada.options"), path.string())) {
    if (line.key != "encoder") continue;
    for (const auto& folder : {path.parent_path(), path.parent_path().parent_path()}) {  // deltas/ lies one deeper
      const auto trained =
          nada::detail::OptionText<EncoderChoice>::read("encoder", line.value, folder.empty() ? fs::path(".") : folder)
              .path;
      std::error_code missing;
      if (!fs::exists(trained, missing)) continue;
      require(!fs::equivalent(trained, encoder, missing) &&
                  (fs::file_size(trained) != fs::file_size(encoder) || hash_of(trained) != hash_of(encoder)),
              path, " was trained against ", encoder, ": it cannot measure it; name another one with --encoder");
    }
  }
  return out;
}

int evaluate(Options& o, OptionTable&) {
  const auto folder = configs() / "avatars";
  require(!o.generators.empty(), "no generator was given; name one with --generator FILE");
  require(o.count >= 2, "option count: expected at least 2, found ", o.count);
  if (o.encoder.empty()) o.encoder = folder / "encoder_held.safetensors";
  if (o.templates.empty()) o.templates = folder / "templates.txt";
  o.machine.use();
  const auto device = o.machine.place();
  const auto encoder = load_clip(o.encoder, o.vocabulary.empty() ? std::nullopt : std::optional(o.vocabulary), device);
  const torch::NoGradGuard no_grad;
  Features real;
  if (!o.real.empty())
    real = see_all(encoder, read_picture_set(o.real, static_cast<int>(encoder.resolution()), o.tile).to(device));

  const auto features = [&](const StyleGan2& generator) {
    return see_samples(encoder, generator, o.count, o.seed, o.truncation, o.category.labels(generator));
  };
  const auto place = Placement{device, torch::kFloat32};
  std::vector<std::string> columns{"generator", "target", "samples", "real"};
  std::vector<std::pair<std::vector<Cell>, std::vector<Measured>>> rows;
  fs::path source_path;
  Features source;
  for (const auto& path : o.generators) {
    const auto origin = origin_of(path, o.encoder);
    const auto source_text = o.source.empty() ? origin.source : o.source;
    const auto target_text = o.target.empty() ? origin.target : o.target;
    const auto base = o.base.empty() ? origin.base : o.base;
    Evidence evidence;
    const bool delta = !origin.base.empty();
    evidence.adapted =
        features(load_generator(path, place, delta && !o.base.empty() ? std::optional(o.base) : std::nullopt));
    if (!base.empty()) {
      if (source_path != base) source = features(load_generator(base, place)), source_path = base;
      evidence.source = source;
    }
    evidence.real = real;
    if (!target_text.empty()) {
      const auto templates = read_templates(o.templates);
      if (!source_text.empty() && source_text != target_text) {
        evidence.ends = TextShift(source_text, target_text, templates).endpoints(encoder, {});
        evidence.ends.direction = evidence.ends.direction.cpu();
      } else {
        evidence.ends.target = text_feature(encoder, target_text, templates);
      }
      evidence.ends.target = evidence.ends.target.cpu();
    }
    const auto reals = real.unit.defined() ? std::to_string(real.unit.size(0)) : std::string("0");
    rows.push_back({{path.string(), target_text, std::to_string(o.count), reals}, measure_all(evidence)});
    for (const auto& m : rows.back().second)
      if (std::find(columns.begin(), columns.end(), m.name) == columns.end()) columns.emplace_back(m.name);
  }
  Table table{columns};
  for (auto& [cells, measured] : rows) {
    for (std::size_t c = cells.size(); c < columns.size(); ++c) {
      const auto found =
          std::find_if(measured.begin(), measured.end(), [&](const auto& m) { return m.name == columns[c]; });
      cells.push_back(found == measured.end() ? Cell("") : Cell(found->estimate));
    }
    table.add(std::move(cells));
  }
  const auto file = [&](const char* extension) {
    auto path = o.out;
    return path += extension;
  };
  if (o.out.has_parent_path()) {
    std::error_code error;
    fs::create_directories(o.out.parent_path(), error);
    require(!error, "cannot make the folder ", o.out.parent_path(), ": ", error.message());
  }
  write_text(file(".md"), table.markdown());
  write_text(file(".csv"), table.csv());
  write_text(file(".json"), table.json().dump(1) + "\n");
  std::cout << table.markdown();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, evaluate); }
