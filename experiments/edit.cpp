// Question: what do pictures become when one thing in them changes and their domain does not: a smile, a beard, an age?
// Run:      edit --target "a cartoon portrait laughing" --to zombie --to sketch           (a text: StyleCLIP)
//           edit --direction smile.pt --generator ffhq.pt                               (a direction that is there)
//           edit --direction sefa:3 --name "turned" --strength 4                         (closed-form factorization)
// Writes:   <out>/before-after.png  strip.png  direction.safetensors  options.cfg, with a text channels.csv too, with
//           --classifier attributes.csv; beside <out> the channel statistics, which later edits of the generator use again
// Source:   Patashnik et al., StyleCLIP, arXiv:2103.17249 (global directions); Shen et al., InterFaceGAN, arXiv:2005.09635;
//           Shen and Zhou, arXiv:2007.06600.
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <set>

#include "edit/statistics.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/tensor.hpp"
#include "nada/editing/channel_statistics.hpp"
#include "nada/editing/direction_file.hpp"
#include "nada/editing/global_direction.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/experiment/truths.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/factorization.hpp"
#include "nada/generators/latents.hpp"
#include "nada/pretraining/attribute_change.hpp"

namespace {

using nada::AnyClip;
using nada::AnyGenerator;
using nada::Direction;
using nada::EditSpace;
using nada::Tensor;

struct Options {
  static constexpr const char* about = "changes one thing in pictures: by a text, or along a direction";
  static constexpr const char* example = "edit --target \"a cartoon portrait laughing\" --to zombie";
  nada::TextOptions texts;
  nada::MachineOptions machine;
  nada::ClassOption category;
  std::filesystem::path generator, codes, classifier, config, out;
  std::vector<std::string> to;
  std::string direction, name, styles, range, wanted;
  double strength = 4, threshold = 0, truncation = 0.8;
  std::int64_t count = 8, columns = 7, channels = 20, classified = 200;
  std::uint64_t seed = 0;
  nada::edit::StatisticsOptions statistics;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    texts.declare(table);
    table.synonym("text", "target");
    table.synonym("neutral", "source");
    table.group("Direction");
    table.add("direction", direction,
              "FILE (this program's, .npy of InterFaceGAN, .pt of one tensor) or sefa:N, in the place of --target",
              saved, "NAME");
    table.add("channels", channels, "style channels that move for a text: those of the largest relevance");
    table.add("threshold", threshold,
              "relevance in [0, 1] from which on a style channel moves, in the place of --channels");
    table.add("strength", strength, "how far the edit goes; less than 0: the other way");
    table.add("styles", styles, "move only these styles along a direction in W, such as 0,1,2 (default all)", saved,
              "LIST");
    table.add("name", name, "what direction.safetensors calls the direction (default the text or the file's name)");
    statistics.declare(table);
    table.group("Pictures");
    table.add("generator", generator, "generator file or delta, in which directions are found");
    table.add("to", to, "adapted generators that are edited alike: presets by name or file, or deltas of the same base",
              saved, "NAME");
    table.add("codes", codes, "w+ codes of `invert` in place of a seed's samples, a file or a folder of such");
    category.declare(table);
    table.add("count", count, "samples");
    table.add("seed", seed, "of the samples");
    table.add("truncation", truncation, "psi of the samples: 1 changes nothing, 0 gives the mean style");
    table.add("range", range, "strengths of the strip, A:B (default --strength to either side)", saved, "A:B");
    table.add("columns", columns, "strengths of the strip");
    table.group("Measured");
    table.add("classifier", classifier,
              "attribute classifier (`pretrain_generator --classifier`) that tells what changed");
    table.add("wanted", wanted, "text of the classifier that the pictures should have after the edit");
    table.add("classified", classified, "samples that it looks at");
    table.group("Run");
    table.add("config", config, "option file (default the embedded models and what they know)", session);
    table.add("out", out, "folder (default runs/<name>-edit-<n>)", session, "FOLDER");
    machine.declare(table);
  }

  bool by_text() const { return direction.empty(); }
  /// Returns what the direction is called.
  std::string called() const {
    if (!name.empty()) return name;
    return by_text() ? texts.target() : std::filesystem::path(direction).stem().string();
  }
};

/// Returns the two strengths of "A:B"; of an empty text --strength to either side.
std::pair<double, double> range_of(const Options& o) {
  if (o.range.empty()) return {-o.strength, o.strength};
  const auto colon = o.range.find(':');
  nada::require(colon != std::string::npos, "option range: expected A:B, found '", o.range, "'");
  return {nada::read_number<double>("range", o.range.substr(0, colon)),
          nada::read_number<double>("range", o.range.substr(colon + 1))};
}

/// Returns the numbers of styles in "0,1,2"; none: all styles.
std::set<int> styles_of(const std::string& text) {
  std::set<int> out;
  if (text.empty()) return out;
  for (const auto& word : nada::split_at(text, ',')) out.insert(nada::read_number<int>("styles", word));
  return out;
}

/// Refuses numbers outside of their range.
void check_numbers(const Options& o) {
  using nada::require;
  require(std::isfinite(o.strength), "option strength: expected a number, found ", o.strength);
  require(o.threshold >= 0 && o.threshold <= 1, "option threshold: expected 0 to 1, found ", o.threshold);
  require(std::isfinite(o.truncation), "option truncation: expected a number, found ", o.truncation);
  require(o.count >= 1 && o.count <= 1000, "option count: expected 1 to 1000, found ", o.count);
  require(o.columns >= 2 && o.columns <= 100, "option columns: expected 2 to 100, found ", o.columns);
  require(o.classified >= 1 && o.classified <= 100000, "option classified: expected 1 to 100000, found ", o.classified);
  const auto [a, b] = range_of(o);
  require(std::isfinite(a) && std::isfinite(b), "option range: expected two numbers, found '", o.range, "'");
  require(o.channels >= 1, "option channels: expected at least 1, found ", o.channels);
  o.statistics.channels.check();
}

/// Reads the option file, fills defaults, and refuses options that contradict each other.
void settle(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty())
    table.read_file(o.config);
  else if (!table.given("generator") && !table.given("encoder"))
    table.read_file(embedded_models());
  require(!o.generator.empty(), "no generator was given; name one with --generator FILE, or a --config that does");
  require(o.by_text() || o.texts.targets.empty(),
          "--direction and --target are two ways to say what changes: give one");
  require(!o.by_text() || !o.texts.target().empty(),
          "nothing was said to change; give --target \"...\" or --direction FILE");
  require(o.texts.targets.size() <= 1, "an edit goes to one text, found ", o.texts.targets.size(), " with --target");
  require(!o.by_text() || !o.texts.source.empty(),
          "no source text was given; say what the pictures are with --source \"...\"");
  require(o.styles.empty() || !o.by_text(),
          "--styles choose where a direction in W moves; a text moves style channels");
  require(o.wanted.empty() || !o.classifier.empty(), "--wanted needs a classifier that knows it: --classifier FILE");
  require(o.codes.empty() || (!table.given("seed") && !table.given("count") && o.category.label < 0),
          "--codes stand for styles as they are: --seed, --count and --class do not apply");
  if (!table.given("truncation") && !table.in_file("truncation") && !o.codes.empty()) o.truncation = 1;
  check_numbers(o);
}

/// Domains are the generators whose pictures are edited: the source first, then those of --to.
struct Domains {
  std::vector<AnyGenerator> generators;
  std::vector<std::string> names;
  const AnyGenerator& source() const { return generators.front(); }
};

Domains load_domains(const Options& o) {
  using namespace nada;
  const Placement place{o.machine.place(), torch::kFloat32};
  Domains out{{load_generator(o.generator, place)}, {"source"}};
  for (const auto& name : o.to) {
    out.generators.push_back(load_generator(find_preset(name, embedded_presets()), place));
    out.names.push_back(std::filesystem::path(name).stem().string());
    const auto& g = out.generators.back();
    require(
        g.style_count() == out.source().style_count() && g.mean_style().sizes() == out.source().mean_style().sizes(),
        "--to ", name, ": its styles are not those of the generator");
  }
  return out;
}

/// Returns the direction of closed-form factorization that "sefa:N" names.
Direction factorized(const Options& o, const AnyGenerator& source) {
  using namespace nada;
  const auto number = read_number<std::int64_t>("direction", o.direction.substr(5));
  const auto found = factorize(source, styles_of(o.styles));
  require(number >= 0 && number < found.rows.size(0),
          "option direction: expected sefa:0 to sefa:", found.rows.size(0) - 1, ", found ", o.direction);
  return {.name = o.direction,
          .styles = found.rows[number].to(torch::kFloat32).clone(),
          .method = "closed-form factorization",
          .found_in = o.direction + (o.styles.empty() ? "" : ", styles " + o.styles),
          .base_hash = base_hash(source)};
}

/// Returns a direction in W as one in W+ that moves the chosen styles alone.
Direction in_styles(Direction direction, const std::set<int>& chosen, std::int64_t count) {
  using nada::require;
  if (chosen.empty()) return direction;
  require(direction.space != EditSpace::style,
          "--styles choose where a direction in W moves; this one is in style space");
  auto rows = torch::zeros({count, direction.styles.size(-1)});
  for (const auto l : chosen) {
    require(l >= 0 && l < count, "option styles: there is no style ", l, ", only 0 to ", count - 1);
    rows[l] = direction.space == EditSpace::w ? direction.styles : direction.styles[l];
  }
  direction.styles = rows;
  direction.space = EditSpace::w_plus;
  return direction;
}

/// Reads or finds the direction that --direction names.
Direction named_direction(const Options& o, const AnyGenerator& source) {
  using namespace nada;
  auto out = o.direction.starts_with("sefa:") ? factorized(o, source) : load_direction(o.direction);
  require_fit(out, source, o.direction);
  const bool foreign = !out.base_hash.empty() && out.base_hash != base_hash(source);
  if (foreign && !is_delta(ModelFile::open(o.generator).kind()))
    std::cerr << "warning: " << o.direction << " was found in another generator, of SHA-256 "
              << out.base_hash.substr(0, 12) << "...\n";
  return in_styles(std::move(out), styles_of(o.styles), source.style_count());
}

/// Writes the style channels that move, those that count most first.
void write_channels(const std::filesystem::path& path, const nada::TensorMap& relevance, const Direction& direction) {
  struct Row {
    std::string layer;
    std::int64_t channel;
    double relevance, offset;
  };
  std::vector<Row> rows;
  for (const auto& [name, values] : relevance)
    for (std::int64_t c = 0; c < values.numel(); ++c)
      if (const auto offset = direction.offsets.at(name)[c].item<double>(); offset != 0)
        rows.push_back({name, c, values[c].item<double>(), offset});
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return std::abs(a.relevance) > std::abs(b.relevance); });
  std::string text = nada::csv_line({"layer", "channel", "relevance", "offset"});
  for (const auto& row : rows)
    text += nada::csv_line(
        {row.layer, std::to_string(row.channel), nada::csv_number(row.relevance, 4), nada::csv_number(row.offset, 6)});
  nada::write_text(path, text);
}

/// FoundDirection is the direction of an edit and, where texts gave it, the relevance of each style channel.
struct FoundDirection {
  Direction direction;
  nada::TensorMap relevance;
};

/// Returns the direction of the two texts; `out` is the folder beside which the channel statistics are.
FoundDirection direction_of_text(Options& o, const nada::OptionTable& table, const AnyGenerator& source,
                                 const std::filesystem::path& out) {
  using namespace nada;
  const torch::NoGradGuard no_grad;
  const auto encoders = o.texts.load_encoders(o.machine.place());
  const auto texts = text_steps(encoders, o.texts.source, o.texts.target(), o.texts.load_templates());
  o.statistics.channels.label = o.category.label;
  auto statistics = edit::open_statistics(o.statistics, table, source, o.texts.encoders, out);
  edit::complete(statistics, o.statistics.file, source, encoders, o.category.labels(source));
  auto relevance = channel_relevance(statistics, texts);
  const auto threshold = o.threshold > 0 ? o.threshold : relevance_of_rank(relevance, o.channels);
  auto direction = global_direction(statistics, relevance, threshold, o.texts.source, o.texts.target());
  const auto [kept, of, largest] = kept_channels(relevance, threshold);
  std::printf("channels  %lld of %lld move, of relevance %.3f to %.3f\n", static_cast<long long>(kept),
              static_cast<long long>(of), threshold, largest);
  return {std::move(direction), std::move(relevance)};
}

/// Returns the styles w+ of `count` samples or, with --codes, of the codes.
Tensor styles_to_edit(const Options& o, const AnyGenerator& source, std::int64_t count) {
  using namespace nada;
  const auto styles =
      o.codes.empty() ? sampled_styles(source, o.seed, count, o.category.labels(source)) : read_codes(o.codes, source);
  return truncate(styles, source.mean_style(), o.truncation).contiguous();
}

/// Returns the pictures of one strength, few at a time, on the processor.
Tensor images_at(const AnyGenerator& g, const Tensor& styles, const Direction& direction, double strength) {
  std::vector<Tensor> out;
  for (std::int64_t at = 0; at < styles.size(0); at += 8) {
    const auto some = styles.narrow(0, at, std::min<std::int64_t>(8, styles.size(0) - at));
    out.push_back(nada::edited(g, some, direction, strength).cpu());
  }
  return torch::cat(out);
}

/// Writes before-after.png, with a row before and a row after for each domain, and strip.png, with a row for each
/// sample and domain.
void write_pictures(const Options& o, const nada::RunFolder& folder, const Domains& domains,
                    const Direction& direction) {
  using namespace nada;
  const auto styles = styles_to_edit(o, domains.source(), o.count);
  const auto [a, b] = range_of(o);
  std::vector<std::vector<Picture>> rows, strip(domains.generators.size() * static_cast<std::size_t>(styles.size(0)));
  Progress progress("rendering", static_cast<std::int64_t>(domains.generators.size()) * (o.columns + 2));
  std::int64_t done = 0;
  for (std::size_t d = 0; d < domains.generators.size(); ++d) {
    std::map<double, std::vector<Picture>> drawn;  // the strip has strengths of before-after.png, too
    const auto pictures = [&](double strength) {
      auto& out = drawn[strength];
      if (out.empty()) out = to_pictures(images_at(domains.generators[d], styles, direction, strength));
      progress.update(++done, domains.names[d]);
      return out;
    };
    rows.push_back(pictures(0));
    rows.push_back(pictures(o.strength));
    for (std::int64_t i = 0; i < o.columns; ++i) {
      auto column = pictures(a + (b - a) * static_cast<double>(i) / static_cast<double>(o.columns - 1));
      for (std::size_t n = 0; n < column.size(); ++n)
        strip[n * domains.generators.size() + d].push_back(std::move(column[n]));
    }
  }
  progress.finish();
  for (const auto& [name, content] : {std::pair{"before-after.png", &rows}, {"strip.png", &strip}}) {
    auto picture = make_grid(*content);
    picture.text["nada:options"] = folder.notes().options_text;
    write_picture(folder / name, picture);
  }
}

/// Prints what a classifier sees before and after the edit in each domain, and writes attributes.csv.
void tell_attributes(const Options& o, const nada::RunFolder& folder, const Domains& domains,
                     const Direction& direction) {
  using namespace nada;
  const auto classifier = AttributeClassifier::load(o.classifier);
  const auto styles = styles_to_edit(o, domains.source(), o.classified);
  std::string text = csv_line({"domain", "column", "kept", "text", "before", "after"});
  bool known = o.wanted.empty();
  for (std::size_t d = 0; d < domains.generators.size(); ++d) {
    const auto named = [&](double strength) {
      return classifier.name(images_at(domains.generators[d], styles, direction, strength).clamp(-1, 1));
    };
    for (const auto& change : attribute_changes(classifier.columns(), named(0), named(o.strength))) {
      std::printf("%-12s %-12s %5.1f%% as before", domains.names[d].c_str(), change.column.c_str(), 100 * change.kept);
      if (const auto w = change.number(o.wanted); w >= 0) {
        const auto at = static_cast<std::size_t>(w);
        std::printf(", %s: %.1f%% before, %.1f%% after", o.wanted.c_str(), 100 * change.before[at],
                    100 * change.after[at]);
        known = true;
      }
      std::printf("\n");
      for (std::size_t i = 0; i < change.texts.size(); ++i)
        text += csv_line({domains.names[d], change.column, csv_number(change.kept, 4), change.texts[i],
                          csv_number(change.before[i], 4), csv_number(change.after[i], 4)});
    }
    require(known, o.classifier, ": has no text '", o.wanted, "' (--wanted)");
  }
  write_text(folder / "attributes.csv", text);
}

int edit(Options& o, nada::OptionTable& table) {
  using namespace nada;
  settle(o, table);
  o.machine.use();
  const auto path = o.out.empty() ? free_run_folder(o.called() + " edit") : o.out;
  require(!std::filesystem::exists(path) || std::filesystem::is_empty(path), path,
          " is there and not empty; name another folder with --out");
  const auto domains = load_domains(o);
  auto [direction, relevance] = o.by_text() ? direction_of_text(o, table, domains.source(), path)
                                            : FoundDirection{named_direction(o, domains.source()), {}};
  direction.name = o.called();
  RunNotes notes;
  notes.options_text = "# " + made_by(table.program()) + "\n" + table.render(path);
  const auto folder = RunFolder::create(path, notes);
  const torch::NoGradGuard no_grad;
  save_direction(folder / "direction.safetensors", direction);
  if (o.by_text()) write_channels(folder / "channels.csv", relevance, direction);
  write_pictures(o, folder, domains, direction);
  if (!o.classifier.empty()) tell_attributes(o, folder, domains, direction);
  std::cout << "pictures  " << (path / "before-after.png").string() << ", " << (path / "strip.png").string()
            << "\ndirection " << (path / "direction.safetensors").string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, edit); }
