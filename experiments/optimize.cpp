// Question: how far does a text pull the W+ codes of single pictures, with the generator as it is?
// Run:      optimize --target "a zombie" --seeds 4
// Writes:   <out>/before-after.png (rows before, after)  codes.safetensors  metrics.csv  options.cfg
// Source:   the latent half of Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 4.2; Patashnik et al., StyleCLIP,
//           arXiv:2103.17249, section 4 (latent optimisation with an L2 pull to the start).
#include <cmath>
#include <cstdio>
#include <iostream>

#include <torch/autograd.h>

#include "nada/adaptation/adam.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/run_folder.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/latents.hpp"
#include "nada/shifts/text_shift.hpp"

namespace {

struct Options {
  static constexpr const char* about = "moves the W+ codes of given seeds toward a text";
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
    table.group("Codes");
    table.add("generator", generator, "generator file or delta");
    category.declare(table);
    table.add("count", count, "codes: the first samples of the seed");
    table.add("seed", seed, "sample n of a seed is always the same");
    table.add("truncation", truncation, "psi of the start: 1 changes nothing, 0 gives the mean style");
    table.add("steps", steps, "steps");
    table.add("lr", lr, "Adam's learning rate");
    table.add("pull", pull, "weight of the squared distance to the start, per code");
    table.group("Run");
    table.add("config", config, "option file (default: texts and models of configs/avatars/default.cfg)", session);
    table.add("out", out, "folder (default runs/<target>-codes-<n>)", session, "FOLDER");
    machine.declare(table);
  }
};

/// The embedded default's models and source text, which its option file names among options of `adapt`.
void use_default(Options& o, const nada::OptionTable& table) {
  const auto folder = nada::configs() / "avatars";
  o.generator = folder / "generator.safetensors";
  o.texts.encoders = {{folder / "encoder_rn.safetensors", 0.5}, {folder / "encoder_vit.safetensors", 0.5}};
  if (!table.given("templates")) o.texts.templates = folder / "templates.txt";
}

int optimize(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty())
    table.read_file(o.config);
  else if (!table.given("generator") && !table.given("encoder"))
    use_default(o, table);
  require(!o.texts.target.empty(), "no target text was given; say what the images should become with --target \"...\"");
  require(!o.generator.empty(), "no generator was given; name one with --generator FILE, or a --config that does");
  require(o.count >= 1 && o.steps >= 1, "options count and steps: expected at least 1, found ", o.count, " and ",
          o.steps);
  require(std::isfinite(o.pull) && o.pull >= 0, "option pull: expected a number >= 0, found ", o.pull);
  Adam adam;
  adam.rate = o.lr;
  adam.beta1 = 0.9;
  adam.beta2 = 0.999;
  adam.check();
  o.machine.use();
  const auto device = o.machine.place();
  const auto generator = load_generator(o.generator, {device, torch::kFloat32});
  const auto encoders = o.texts.load_encoders(device);
  std::vector<Tensor> targets;  // unit(mean over templates), one an encoder
  std::vector<std::string> prompts;
  for (const auto& t : o.texts.load_templates()) prompts.push_back(fill(t, o.texts.target));
  encoders.each([&](const auto& e, double, std::size_t) {
    const torch::NoGradGuard no_grad;
    targets.push_back(unit(e.read(e.tokenize(prompts)).mean(0, true)));
  });

  RunNotes notes;
  const auto path = o.out.empty() ? free_run_folder(o.texts.target + " codes") : o.out;
  notes.options_text = "# " + table.program() + " of nada " + revision() + "\n" + table.render(path);
  const auto folder = RunFolder::create(path, notes);

  const auto start = [&] {
    const torch::NoGradGuard no_grad;
    const auto z =
        Stream{o.seed, 0}.normal(Purpose::samples, {o.count, generator.latent_size()}).to(generator.options());
    return truncate(generator.map(z, o.category.labels(generator)), generator.mean_style(), o.truncation).contiguous();
  }();
  auto codes = start.clone().requires_grad_(true);
  Moments moments;
  std::string metrics = "step,loss,global,pull\n";
  const StopSignals signals;
  Progress progress("optimizing", o.steps);
  std::int64_t step = 0;
  while (step < o.steps && !StopToken::requested()) {
    const auto images = generator.synthesize(codes).clamp(-1, 1);
    Tensor global;
    std::size_t i = 0;
    encoders.each([&](const auto& e, double weight, std::size_t) {
      const auto term =
          weight * (1 - (e.see(images, Wanted{}).unit * targets[i++]).sum(1)).sum();  // a sum: codes do not share
      global = global.defined() ? global + term : term;
    });
    const auto pull = o.pull * (codes - start).square().sum();
    const auto loss = global + pull;
    require(std::isfinite(loss.item<double>()), "step ", step + 1, ": the loss is not finite; the run cannot go on");
    adam.update(codes, torch::autograd::grad({loss}, {codes})[0], moments);
    ++step;
    const auto share = 1 / static_cast<double>(o.count);
    char line[128];
    std::snprintf(line, sizeof line, "%lld,%.9g,%.9g,%.9g\n", static_cast<long long>(step), loss.item<double>() * share,
                  global.item<double>() * share, pull.item<double>() * share);
    metrics += line;
    std::snprintf(line, sizeof line, "loss %.4f", loss.item<double>() * share);
    progress.update(step, line);
  }
  progress.finish();

  const torch::NoGradGuard no_grad;
  auto grid = make_grid({to_pictures(generator.synthesize(start)), to_pictures(generator.synthesize(codes))});
  grid.text["nada:options"] = notes.options_text;
  write_picture(folder / "before-after.png", grid);
  write_text(folder / "metrics.csv", metrics);
  save_tensors(folder / "codes.safetensors", {{"start", start}, {"codes", codes}},
               {{"nada.kind", "codes"},
                {"nada.format", std::string(format_version)},
                {"nada.target", o.texts.target},
                {"nada.base", relative_to(o.generator, path).string()},
                {"nada.base_sha256", base_hash(generator)}});
  std::cout << "picture  " << (path / "before-after.png").string() << "\ncodes    "
            << (path / "codes.safetensors").string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, optimize); }
