// Question: how far does a text pull the styles w+ of single pictures, with the generator as it is?
// Run:      optimize --target "a zombie" --seeds 4
// Writes:   <out>/before-after.png (rows before, after)  codes.safetensors  metrics.csv  options.cfg
// Source:   the latent half of Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 4.2; Patashnik et al., StyleCLIP,
//           arXiv:2103.17249, section 4 (latent optimisation with an L2 pull to the start).
#include <cmath>
#include <iostream>

#include <torch/autograd.h>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/latents.hpp"
#include "nada/metrics/text_score.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace {

struct Options {
  static constexpr const char* about = "moves the styles w+ of given seeds toward a text";
  static constexpr const char* example = "optimize --target \"a zombie\" --count 6";
  nada::TextOptions texts;
  nada::MachineOptions machine;
  nada::ClassOption category;
  std::filesystem::path generator, config, out;
  std::int64_t count = 6, steps = 100;
  std::uint64_t seed = 0;
  double lr = 0.02, pull = 0.0005, truncation = 1;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    texts.declare(table);
    table.group("Styles");
    table.add("generator", generator, "generator file or delta");
    category.declare(table);
    table.add("count", count, "pictures: the first samples of the seed");
    table.add("seed", seed, "sample n of a seed is always the same");
    table.add("truncation", truncation, "psi of the start: 1 changes nothing, 0 gives the mean style");
    table.add("steps", steps, "steps");
    table.add("lr", lr, "Adam's learning rate");
    table.add("pull", pull, "weight of the squared distance to the start, per picture");
    table.group("Run");
    table.add("config", config, "option file (default: texts and models of configs/avatars/default.cfg)", session);
    table.add("out", out, "folder (default runs/<target>-codes-<n>)", session, "FOLDER");
    machine.declare(table);
  }
};

/// Takes the models and the source text from the embedded default, whose option file names them among the
/// options of `adapt`.
void use_default(Options& o, const nada::OptionTable& table) {
  o.generator = nada::embedded_generator();
  o.texts.encoders = nada::embedded_encoders();
  if (!table.given("templates")) o.texts.templates = nada::embedded_templates();
}

/// Reads the option file or takes the default, and refuses options that contradict each other.
void settle(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty())
    table.read_file(o.config);
  else if (!table.given("generator") && !table.given("encoder"))
    use_default(o, table);
  require(!o.texts.target().empty(),
          "no target text was given; say what the images should become with --target \"...\"");
  require(!o.generator.empty(), "no generator was given; name one with --generator FILE, or a --config that does");
  require(o.count >= 1 && o.steps >= 1, "options count and steps: expected at least 1, found ", o.count, " and ",
          o.steps);
  require(std::isfinite(o.pull) && o.pull >= 0, "option pull: expected a number >= 0, found ", o.pull);
}

nada::Adam optimizer_of(const Options& o) {
  nada::Adam out;
  out.rate = o.lr;
  out.beta1 = 0.9;
  out.beta2 = 0.999;
  out.check();
  return out;
}

/// Returns the target text's feature [1, E] in each encoder that has a weight.
std::vector<nada::Tensor> target_features(const Options& o, const nada::Members<nada::AnyClip>& encoders) {
  std::vector<nada::Tensor> out;
  encoders.each([&](const auto& e, double, std::size_t) { out.push_back(o.texts.target_feature(e)); });
  return out;
}

/// Returns the styles w+ [count, L, D] of the seed's first samples.
nada::Tensor first_styles(const Options& o, const nada::AnyGenerator& generator) {
  using namespace nada;
  const torch::NoGradGuard no_grad;
  const auto z = Stream{o.seed, 0}.normal(Purpose::samples, {o.count, generator.latent_size()}).to(generator.options());
  return truncate(generator.map(z, o.category.labels(generator)), generator.mean_style(), o.truncation).contiguous();
}

/// Objective holds the global loss and the pull to the start, [] each: both are sums over pictures, so that the
/// pictures share nothing.
struct Objective {
  nada::Tensor global, pull, loss;
};
Objective objective(const Options& o, const nada::AnyGenerator& generator, const nada::Members<nada::AnyClip>& encoders,
                    const std::vector<nada::Tensor>& targets, const nada::Tensor& start, const nada::Tensor& styles) {
  const auto images = generator.synthesize(styles).clamp(-1, 1);
  Objective out;
  std::size_t i = 0;
  encoders.each([&](const auto& e, double weight, std::size_t) {
    const auto term = weight * (1 - (e.see(images, nada::Wanted{}).unit * targets[i++]).sum(1)).sum();
    out.global = out.global.defined() ? out.global + term : term;
  });
  out.pull = o.pull * (styles - start).square().sum();
  out.loss = out.global + out.pull;
  return out;
}

/// Moved holds the styles where the search ended, [count, L, D], and metrics.csv of the steps: means over pictures.
struct Moved {
  nada::Tensor styles;
  std::string metrics;
};

/// Walks from `start` down the objective with Adam; a signal ends the walk early.
/// Errors:  a loss that is not finite.
Moved walk_toward_text(const Options& o, const nada::AnyGenerator& generator,
                       const nada::Members<nada::AnyClip>& encoders, const std::vector<nada::Tensor>& targets,
                       const nada::Tensor& start) {
  using namespace nada;
  const auto adam = optimizer_of(o);
  TrainedLeaves leaf;
  leaf.put("styles", start.clone().requires_grad_(true));
  Moved out{leaf["styles"], csv_line({"step", "loss", "global", "pull"})};
  const auto share = 1 / static_cast<double>(o.count);
  const StopSignals signals;
  Progress progress("optimizing", o.steps);
  std::int64_t step = 0;
  while (step < o.steps && !StopToken::requested()) {
    const auto [global, pull, loss] = objective(o, generator, encoders, targets, start, out.styles);
    require(std::isfinite(loss.item<double>()), "step ", step + 1, ": the loss is not finite; the run cannot go on");
    leaf.update(adam, torch::autograd::grad({loss}, leaf.list()));
    ++step;
    CsvRow row{std::to_string(step)};
    for (const auto& part : {loss, global, pull}) row.push_back(csv_number(part.item<double>() * share));
    out.metrics += csv_line(row);
    progress.update(step, "loss " + csv_fixed(loss.item<double>() * share));
  }
  progress.finish();
  return out;
}

/// Writes the pictures before and after, the styles and the metrics into the run's folder.
void write_results(const Options& o, const nada::RunFolder& folder, const nada::AnyGenerator& generator,
                   const nada::Tensor& start, const Moved& moved) {
  using namespace nada;
  const torch::NoGradGuard no_grad;
  auto grid = make_grid({to_pictures(generator.synthesize(start)), to_pictures(generator.synthesize(moved.styles))});
  grid.text["nada:options"] = folder.notes().options_text;
  write_picture(folder / "before-after.png", grid);
  write_text(folder / "metrics.csv", moved.metrics);
  save_tensors(folder / "codes.safetensors", {{"start", start}, {"codes", moved.styles}},
               {{"nada.kind", "codes"},
                {"nada.format", std::string(format_version)},
                {o.texts.targets.size() == 1 ? "nada.target" : "nada.targets", o.texts.target()},
                {"nada.base", relative_to(o.generator, folder.path()).string()},
                {"nada.base_sha256", base_hash(generator)}});
}

int optimize(Options& o, nada::OptionTable& table) {
  using namespace nada;
  settle(o, table);
  optimizer_of(o);  // refuses a bad rate before anything is loaded
  o.machine.use();
  const auto device = o.machine.place();
  const auto generator = load_generator(o.generator, {device, torch::kFloat32});
  const auto encoders = o.texts.load_encoders(device);
  const auto targets = target_features(o, encoders);

  RunNotes notes;
  const auto path = o.out.empty() ? free_run_folder(o.texts.target() + " codes") : o.out;
  notes.options_text = "# " + made_by(table.program()) + "\n" + table.render(path);
  const auto folder = RunFolder::create(path, notes);

  const auto start = first_styles(o, generator);
  const auto moved = walk_toward_text(o, generator, encoders, targets, start);
  write_results(o, folder, generator, start, moved);
  std::cout << "picture  " << (path / "before-after.png").string() << "\ncodes    "
            << (path / "codes.safetensors").string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, optimize); }
