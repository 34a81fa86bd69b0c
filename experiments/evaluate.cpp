// Question: how near is a generator to a text or to real pictures, and what did it keep?
// Run:      evaluate --generator adapted.safetensors --real configs/avatars/targets/zombie.png --tile 64
// Writes:   <out>.md, <out>.csv and <out>.json; prints the table. Rows are generators, columns metrics
//           (docs/policies.md)
#include <iostream>

#include <nlohmann/json.hpp>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/embedded.hpp"
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
  fs::path base, measure, vocabulary, templates, real, out = "evaluation";
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
    table.add("measure", measure,
              "encoder that measures, never one that was trained against (default the embedded held-out one)");
    table.alias("encoder", "measure");
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

/// Origin is what the file of a delta says of its run; empty for the file of a generator.
struct Origin {
  std::string source, target;
  fs::path base;
};

/// Reads a delta's metadata.
/// Errors:  a delta that was trained against `measure`, the encoder that measures.
Origin origin_of(const fs::path& path, const fs::path& measure) {
  const auto model = ModelFile::open(path);
  if (model.kind() != FileKind::delta) return {};
  const auto file = Safetensors::open(path);
  Origin out{value_or(file.metadata(), "nada.source"), value_or(file.metadata(), "nada.target"), {}};
  if (const auto base = value_or(file.metadata(), "nada.base"); !base.empty()) out.base = path.parent_path() / base;
  for (const auto& line : parse_options(value_or(file.metadata(), "nada.options"), path.string())) {
    if (line.key != "encoder") continue;
    for (const auto& folder : {path.parent_path(), path.parent_path().parent_path()}) {  // deltas/ lies one deeper
      const auto trained = read_encoder_choice(line.value, folder.empty() ? fs::path(".") : folder).path;
      std::error_code missing;
      if (!fs::exists(trained, missing)) continue;
      require(!fs::equivalent(trained, measure, missing) &&
                  (fs::file_size(trained) != fs::file_size(measure) || hash_of(trained) != hash_of(measure)),
              path, " was trained against ", measure, ": it cannot measure it; name another one with --measure");
    }
  }
  return out;
}

/// Evaluation measures generators with one encoder; the source's features are kept from one generator to the next.
class Evaluation {
 public:
  struct Row {
    std::vector<Cell> cells;  // generator, target, samples, real
    std::vector<Measured> measured;
  };

  /// Loads the encoder and reads the real pictures.
  explicit Evaluation(const Options& o)
      : o_(o),
        device_(o.machine.place()),
        measuring_(load_clip(o.measure, o.vocabulary.empty() ? std::nullopt : std::optional(o.vocabulary), device_)) {
    const torch::NoGradGuard no_grad;
    if (!o.real.empty())
      real_ =
          see_all(measuring_, read_picture_set(o.real, static_cast<int>(measuring_.resolution()), o.tile).to(device_));
  }

  /// Measures a generator file or a delta.
  Row row(const fs::path& path) {
    const torch::NoGradGuard no_grad;
    const auto origin = origin_of(path, o_.measure);
    const auto source_text = o_.source.empty() ? origin.source : o_.source;
    const auto target_text = o_.target.empty() ? origin.target : o_.target;
    const auto base = o_.base.empty() ? origin.base : o_.base;
    Evidence evidence;
    const bool delta = !origin.base.empty();
    evidence.adapted = features(path, delta && !o_.base.empty() ? std::optional(o_.base) : std::nullopt);
    if (!base.empty()) {
      if (source_path_ != base) source_ = features(base), source_path_ = base;
      evidence.source = source_;
    }
    evidence.real = real_;
    if (!target_text.empty()) evidence.ends = endpoints(source_text, target_text);
    const auto reals = real_.unit.defined() ? std::to_string(real_.unit.size(0)) : std::string("0");
    return {{path.string(), target_text, std::to_string(o_.count), reals}, measure_all(evidence)};
  }

 private:
  /// Returns the features of the samples of a generator or delta.
  Features features(const fs::path& path, const std::optional<fs::path>& base = {}) const {
    const auto generator = load_generator(path, {device_, torch::kFloat32}, base);
    return see_samples(measuring_, generator, o_.count, o_.seed, o_.truncation, o_.category.labels(generator));
  }

  /// Returns the endpoints of the texts, on the processor; they have a direction where there is a source text that
  /// differs from the target.
  Endpoints endpoints(const std::string& source, const std::string& target) const {
    const auto templates = read_templates(o_.templates);
    Endpoints out;
    if (!source.empty() && source != target) {
      out = TextShift(source, target, templates).endpoints(measuring_, {});
      out.direction = out.direction.cpu();
    } else {
      out.target = text_feature(measuring_, target, templates);
    }
    out.target = out.target.cpu();
    return out;
  }

  const Options& o_;
  torch::Device device_;
  AnyClip measuring_;
  Features real_;
  fs::path source_path_;  // the generator that `source_` has the features of
  Features source_;
};

/// Returns the rows as one table; a cell whose metric a row does not have is empty.
Table table_of(std::vector<Evaluation::Row> rows) {
  std::vector<std::string> columns{"generator", "target", "samples", "real"};
  for (const auto& row : rows)
    for (const auto& m : row.measured)
      if (std::find(columns.begin(), columns.end(), m.name) == columns.end()) columns.emplace_back(m.name);
  Table table{columns};
  for (auto& [cells, measured] : rows) {
    for (std::size_t c = cells.size(); c < columns.size(); ++c) {
      const auto found =
          std::find_if(measured.begin(), measured.end(), [&](const auto& m) { return m.name == columns[c]; });
      cells.push_back(found == measured.end() ? Cell("") : Cell(found->estimate));
    }
    table.add(std::move(cells));
  }
  return table;
}

/// Writes <out>.md, <out>.csv and <out>.json.
void write_tables(const Table& table, const fs::path& out) {
  const auto file = [&](const char* extension) {
    auto path = out;
    return path += extension;
  };
  if (out.has_parent_path()) {
    std::error_code error;
    fs::create_directories(out.parent_path(), error);
    require(!error, "cannot make the folder ", out.parent_path(), ": ", error.message());
  }
  write_text(file(".md"), table.markdown());
  write_text(file(".csv"), table.csv());
  write_text(file(".json"), table.json().dump(1) + "\n");
}

int evaluate(Options& o, OptionTable&) {
  require(!o.generators.empty(), "no generator was given; name one with --generator FILE");
  require(o.count >= 2, "option count: expected at least 2, found ", o.count);
  if (o.measure.empty()) o.measure = embedded_held_out_encoder();
  if (o.templates.empty()) o.templates = embedded_templates();
  o.machine.use();
  Evaluation evaluation(o);
  std::vector<Evaluation::Row> rows;
  for (const auto& path : o.generators) rows.push_back(evaluation.row(path));
  const auto table = table_of(std::move(rows));
  write_tables(table, o.out);
  std::cout << table.markdown();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, evaluate); }
