// Question: which looks are ready to use, what made them, and do they still fit?
// Run:      presets list | presets show NAME | presets make [NAME] | presets check | presets export NAME --out FOLDER
// Writes:   `make`: configs/avatars/presets/NAME.safetensors, from the recipes in configs/avatars/presets.json
//           `export`: a folder that can be pushed to the Hugging Face Hub
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/child.hpp"
#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/preset_recipes.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/open_generator.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/text_score.hpp"
#include "nada/parameterization/compressed.hpp"
#include "presets/repository.hpp"

namespace {

struct Options {
  static constexpr const char* about = "lists, shows, makes, checks and exports presets";
  static constexpr const char* example = "presets list";
  std::string verb, name;
  std::filesystem::path folder, recipes, generator, measure, run, out;
  std::string licence;
  bool with_base = false, folded = false;
  std::int64_t kilobytes = 260, samples = 64;
  nada::MachineOptions machine;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("What");
    table.add("do", verb, "list, show, make, check or export", session, "VERB", /*positional=*/true);
    table.add("name", name, "of one preset (make and check: default all)", session, "NAME", /*positional=*/true);
    table.add("folder", folder, "of the presets (default configs/avatars/presets)");
    table.add("recipes", recipes, "JSON list of {name, target, options} (default configs/avatars/presets.json)");
    table.add("generator", generator, "base (default the embedded one)");
    table.add("measure", measure, "CLIP file that measures (default the embedded held-out one)");
    table.alias("judge", "measure");
    declare_gelu(table);
    table.add("kilobytes", kilobytes, "most that a preset may take");
    table.add("samples", samples, "that are measured");
    table.add("run", run, "`make NAME`: a run of the recipe's command that is there, instead of a new one", session,
              "FOLDER");
    table.add("out", out, "`show`: write the sample picture here; `export`: the folder to write", session);
    table.group("Of an export");
    table.add("licence", licence, "of the weights (default as the base says)", session);
    table.add("with-base", with_base, "put a copy of the base into the folder (the embedded one always is)", session);
    table.add("folded", folded, "put the whole adapted generator into the folder too", session);
    machine.declare(table);
  }
};

/// Pixels of a side of a preset's sample pictures.
int sample_side(const nada::AnyGenerator& source) { return std::min(64, static_cast<int>(source.resolution())); }

nada::Picture sample_row(const nada::AnyGenerator& source, const nada::AnyGenerator& adapted) {
  const torch::NoGradGuard no_grad;
  const auto z = nada::Stream{0, 0}.normal(nada::Purpose::samples, {4, source.latent_size()}).to(source.options());
  const auto w = nada::truncate(source.map(z), source.mean_style(), 0.8);
  auto pictures = nada::to_pictures(adapted.synthesize(w, nada::Render{}));
  const int side = sample_side(source);
  for (auto& picture : pictures) picture = nada::resize(picture, side, side);
  return nada::make_grid({std::move(pictures)}, /*least=*/side);
}

class Presets {
 public:
  explicit Presets(const Options& o)
      : o_(o),
        source_(nada::open_generator(o.generator, {o.machine.place(), torch::kFloat32})),
        measuring_(nada::load_clip(o.measure, {}, o.machine.place())) {}

  void make(const nada::PresetRecipe& recipe) {
    using namespace nada;
    const auto &name = recipe.name, &target = recipe.target;
    std::vector<std::string> words{"--target", target};
    words.insert(words.end(), recipe.options.begin(), recipe.options.end());
    std::string command = "./quickstart adapt";
    for (const auto& word : words) command += word.find(' ') == word.npos ? " " + word : " \"" + word + "\"";
    const auto work = o_.run.empty() ? train(name, words) : o_.run;

    const auto run = Safetensors::open(work / "adapted.safetensors");
    require(value_or(run.metadata(), "nada.target") == target, work, ": is a run to '",
            value_or(run.metadata(), "nada.target"), "', expected '", target, "'");
    const auto adapted = apply_delta(source_, load_delta(run), (work / "adapted.safetensors").string());
    Preset preset;
    preset.name = name;
    preset.source = value_or(run.metadata(), "nada.source");
    preset.target = target;
    preset.command = command;
    for (const auto& line : read_options(work / "options.cfg"))  // without paths: the command names files
      if (line.value.find('/') == line.value.npos) preset.options += format_option(line.key, line.value) + "\n";
    const std::int64_t beside = 15'000 + 6 * sample_side(source_) * sample_side(source_);  // bytes of texts and sample
    const auto numbers = (1000 * o_.kilobytes - beside) / 2;                               // in float16
    preset.delta = {base_hash(source_), std::string(Compressed::name), {}};
    for (auto& [place, leaf] : compress(source_, adapted, numbers))
      preset.delta.leaves[place] = leaf.to(torch::kFloat16);
    const auto folded = apply_delta(source_, preset.delta, name);
    preset.sample = encode_png(sample_row(source_, folded));
    const auto score = [&](const AnyGenerator& generator) {
      return std::round(text_score(generator, target) * 1e4) / 1e4;
    };
    preset.metrics = nlohmann::ordered_json{
        {"text_score_before", score(source_)},
        {"text_score", score(folded)},
        {"text_score_uncompressed", score(adapted)},
        {"samples",
         o_.samples}}.dump();
    make_folders(o_.folder);
    const auto path = o_.folder / (name + ".safetensors");
    save_preset(path, preset, o_.generator);
    if (o_.run.empty()) std::filesystem::remove_all(work);
    std::cout << path.string() << ": " << std::filesystem::file_size(path) / 1000 << " KB, " << preset.metrics
              << std::endl;
  }

  /// Returns whether a preset fits its base and moves pictures toward its text.
  bool check(const std::filesystem::path& path) const {
    using namespace nada;
    const auto preset = load_preset(path);
    const auto adapted = apply_delta(source_, preset.delta, path.string());
    const auto before = text_score(source_, preset.target), after = text_score(adapted, preset.target);
    const auto size = std::filesystem::file_size(path);
    const bool small = size <= 1000 * static_cast<std::uintmax_t>(o_.kilobytes);
    std::printf("%-12s text score %.3f -> %.3f  %4llu KB  %s\n", preset.name.c_str(), before, after,
                static_cast<unsigned long long>(size / 1000),
                after <= before ? "moves away from its text"
                : !small        ? "too large"
                                : "fits");
    return after > before && small;
  }

 private:
  /// Runs `adapt` with these words in a temporary folder, which it returns.
  std::filesystem::path train(const std::string& name, std::vector<std::string> words) const {
    const auto work = std::filesystem::temp_directory_path() / nada::join("nada-preset-", ::getpid());
    std::filesystem::remove_all(work);
    words.insert(words.begin(), (std::filesystem::canonical("/proc/self/exe").parent_path() / "adapt").string());
    words.insert(words.end(), {"--out", work.string(), "--samples-every", "0", "--device", o_.machine.device,
                               "--threads", nada::join(o_.machine.threads)});
    const int code = nada::Child(words).wait();
    nada::require(code == 0, "the training of ", name, " ended with exit code ", code);
    return work;
  }

  /// Returns the similarity of samples to the bare text, as the held-out encoder measures it.
  double text_score(const nada::AnyGenerator& generator, const std::string& text) const {
    using namespace nada;
    Evidence evidence;
    evidence.adapted = see_samples(measuring_, generator, o_.samples, /*seed=*/1);
    evidence.ends.target = text_feature(measuring_, text, std::vector<std::string>{"{}"}).cpu();
    return TextScore{}(evidence).value;
  }

  const Options& o_;
  nada::AnyGenerator source_;
  nada::AnyClip measuring_;
};

/// Writes a preset as a repository. The embedded base is small and its terms allow copies, so it goes with it.
int export_preset(const Options& o) {
  nada::require(!o.name.empty() && !o.out.empty(), "which preset, and where to? presets export NAME --out FOLDER");
  const bool with_base = o.with_base || o.generator == nada::embedded_generator();
  const nada::presets::Export out{
      nada::find_preset(o.name, o.folder), o.generator, o.out, o.licence, with_base, o.folded};
  out.write();
  std::cout << o.out.string() << ": ready; `hf upload ORG/NAME " << o.out.string() << "` pushes it\n";
  return 0;
}

int presets(Options& o, nada::OptionTable&) {
  using namespace nada;
  if (o.folder.empty()) o.folder = embedded_presets();
  if (o.recipes.empty()) o.recipes = embedded_recipes();
  if (o.generator.empty()) o.generator = embedded_generator();
  if (o.measure.empty()) o.measure = embedded_held_out_encoder();
  require(o.verb == "list" || o.verb == "show" || o.verb == "make" || o.verb == "check" || o.verb == "export",
          "expected list, show, make, check or export, found ", o.verb.empty() ? "nothing" : "'" + o.verb + "'");
  require(o.samples >= 1, "option samples: expected at least 1, found ", o.samples);
  require(o.kilobytes >= 50, "option kilobytes: expected at least 50, found ", o.kilobytes);
  require(o.run.empty() || (o.verb == "make" && !o.name.empty()), "option run: it belongs to presets make NAME");
  if (o.verb == "list") {
    const auto all = list_presets(o.folder);
    for (const auto& path : all) {
      const auto preset = load_preset(path);
      std::printf("%-12s %s\n", preset.name.c_str(), preset.target.c_str());
    }
    if (all.empty()) std::cout << "there are none in " << o.folder.string() << '\n';
    return 0;
  }
  if (o.verb == "show") {
    require(!o.name.empty(), "which preset? presets show NAME");
    const auto path = find_preset(o.name, o.folder);
    const auto preset = load_preset(path);
    std::cout << "name     " << preset.name << "\nsource   " << preset.source << "\ntarget   " << preset.target
              << "\ncommand  " << preset.command << "\nmetrics  " << preset.metrics << "\nfile     " << path.string()
              << "\noptions\n";
    std::istringstream lines(preset.options);
    for (std::string line; std::getline(lines, line);) std::cout << "  " << line << '\n';
    if (!o.out.empty()) {
      write_picture(o.out, decode_picture(preset.sample, path.string() + ": the sample"));
      std::cout << "picture  " << o.out.string() << '\n';
    }
    return 0;
  }
  require_one_process("presets");
  o.machine.use();
  if (o.verb == "export") return export_preset(o);
  Presets work(o);
  if (o.verb == "make") {
    const auto recipes = read_preset_recipes(o.recipes);
    const StopSignals signals;
    bool made = false;
    for (const auto& recipe : recipes)
      if ((o.name.empty() || recipe.name == o.name) && !StopToken::requested()) work.make(recipe), made = true;
    require(made, "there is no recipe '", o.name, "' in ", o.recipes);
    return 0;
  }
  const auto paths = o.name.empty() ? list_presets(o.folder) : std::vector{find_preset(o.name, o.folder)};
  require(!paths.empty(), "there are no presets in ", o.folder);
  bool good = true;
  for (const auto& path : paths) try {
      good = work.check(path) && good;
    } catch (const Error& error) {  // a preset of another base, or a damaged one: the others are checked all the same
      std::cerr << "error: " << error.what() << '\n';
      good = false;
    }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, presets); }
