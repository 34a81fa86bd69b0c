// Question: how near to known truths can the layers of a run come, where the truths themselves are the loss?
// Run:      oracle runs/a-pencil-sketch-1/adapted.safetensors --twins truths/sketch-of-seed-32 --seed 32 --out oracle
//           evaluate --generator oracle/adapted.safetensors --twins truths/sketch --seed 31 --count 64
// Writes:   <out>/adapted.safetensors (a delta)  metrics.csv  options.cfg
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include <torch/autograd.h>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/experiment/truths.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/hub.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace {

using namespace nada;
using Candidates = CandidateLayers<AnyGenerator, AnyParameterization>;

struct Options {
  static constexpr const char* about = "trains the layers of a run on the pixels of known truths: what they can reach";
  static constexpr const char* example = "oracle runs/sketch-1/adapted.safetensors --twins truths --seed 32";
  std::filesystem::path run, twins, codes, out;
  std::uint64_t seed = 32;
  std::int64_t steps = 0, batch = 0;
  double lr = 0;
  MachineOptions machine;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    table.group("What");
    table.add("run", run, "delta of a run: its base, parameterization and layers are taken, not its leaves", saved,
              "FILE", /*positional=*/true);
    table.add("twins", twins,
              "truths to learn from, a folder or a file of tiles: what the samples of `generate` with --seed become");
    table.add("seed", seed, "of the samples, and of the order in which they are seen");
    table.add("codes", codes, "w+ codes of `invert` in place of samples, a file or a folder of such");
    table.group("Training (0: as the run did)");
    table.add("steps", steps, "steps");
    table.add("batch", batch, "truths a step");
    table.add("lr", lr, "Adam's learning rate");
    table.group("Results");
    table.add("out", out, "folder (default runs/<run>-oracle-<n>)", session, "FOLDER");
    machine.declare(table);
  }

  /// Takes steps, batch and rate from the run, where they were not given.
  void use_run(const Safetensors& file) {
    std::map<std::string, std::string> said;
    for (const auto& line : parse_options(value_or(file.metadata(), "nada.options"), run.string()))
      said[line.key] = line.value;
    const auto take = [&](const char* key, auto& value) {
      require(value >= 0, "option ", key, ": expected a number > 0, found ", value);
      if (value != 0) return;
      require(said.count(key) > 0, run, ": does not say its ", key, "; give --", key);
      value = read_number<std::decay_t<decltype(value)>>(key, said.at(key));
    };
    take("steps", steps);
    take("batch", batch);
    take("lr", lr);
  }
};

/// Returns the layers that have leaves in a delta.
LayerSet layers_of(const Delta& delta, const Candidates& candidates, const std::filesystem::path& path) {
  LayerSet out;
  for (const auto k : candidates.all())
    if (delta.leaves.count(candidates.names(k).front()) > 0) out.push_back(k);
  require(!out.empty(), path, ": the delta has no leaves of its base's layers");
  return out;
}

/// Trains fresh leaves of `layers` until the images of styles [N, L, D] are the truths [N, 3, H, W].
TrainedLeaves train(const Options& o, const AnyGenerator& base, const Candidates& candidates, const LayerSet& layers,
                    const Tensor& styles, const Tensor& truths, std::string& metrics) {
  auto adapted = base.clone();
  TrainedLeaves leaves;
  for (const auto k : layers) candidates.begin(k, leaves);
  const StopSignals signals;
  Progress progress("training", o.steps, 0);
  for (std::int64_t step = 0; step < o.steps && !StopToken::requested(); ++step) {
    const auto drawn = Stream{o.seed, step}.uniform(Purpose::user, {o.batch}) * static_cast<double>(truths.size(0));
    const auto rows = drawn.to(torch::kInt64).clamp_max(truths.size(0) - 1).to(styles.device());
    candidates.put_effective(adapted, layers, leaves, /*graph=*/true);
    const auto images = adapted.synthesize(styles.index_select(0, rows), Render{});
    const auto loss = (images - truths.index_select(0, rows)).square().mean();
    const auto gradients = torch::autograd::grad({loss}, leaves.list(), {}, false, false, /*allow_unused=*/true);
    leaves.update(Adam{.rate = o.lr}, gradients);
    metrics += csv_line({std::to_string(step + 1), csv_number(loss.item<double>())});
    progress.update(step + 1, join("loss ", loss.item<double>()));
  }
  progress.finish();
  return leaves;
}

int oracle(Options& o, OptionTable& table) {
  require(!o.run.empty(), "no run was given; name the delta of one: oracle FILE --twins FOLDER");
  require(!o.twins.empty(), "no truths were given; name them with --twins");
  const auto file = Safetensors::open(model_path(o.run));
  const auto delta = load_delta(file);
  o.use_run(file);
  o.machine.use();
  const auto named = value_or(file.metadata(), "nada.base");
  require(!named.empty(), o.run, ": the delta names no base");
  const auto base_path = named_beside(model_path(o.run), named);
  const auto base = load_generator(base_path, {o.machine.place(), torch::kFloat32});
  require(base_hash(base) == delta.base_hash, o.run, ": its base ", base_path, " has other weights");
  const Candidates candidates(base, AnyParameterization::named(delta.parameterization, o.run.string()),
                              base.resolution(), o.seed);
  const auto layers = layers_of(delta, candidates, o.run);
  const auto truths = read_truths(o.twins, base.resolution()).to(base.options());
  const auto styles = [&] {
    const torch::NoGradGuard no_grad;
    if (!o.codes.empty()) return read_codes(o.codes, base);
    const auto z = Stream{o.seed, 0}.normal(Purpose::samples, {truths.size(0), base.latent_size()});
    return base.map(z.to(base.options()), {});
  }();
  require(styles.size(0) == truths.size(0), o.codes, ": holds codes of ", styles.size(0), " pictures, and ", o.twins,
          " ", truths.size(0), " truths");

  RunNotes notes;
  const auto path = o.out.empty() ? free_run_folder(o.twins.stem().string() + " oracle") : o.out;
  notes.options_text = "# " + made_by(table.program()) + "\n" + table.render(path);
  const auto folder = RunFolder::create(path, notes);
  auto metrics = csv_line({"step", "loss"});
  const auto leaves = train(o, base, candidates, layers, styles, truths, metrics);
  Delta out{delta.base_hash, delta.parameterization, {}};
  for (const auto& [name, leaf] : leaves.leaves()) out.leaves[name] = leaf.detach();
  write_text(folder / "metrics.csv", metrics);
  save_delta(folder / "adapted.safetensors", out,
             {{"nada.base", relative_to(base_path, path).string()},
              {"nada.source", value_or(file.metadata(), "nada.source")},
              {"nada.target", value_or(file.metadata(), "nada.target")},
              {"nada.about", "oracle: trained on the truths themselves"}});
  std::cout << "oracle  " << (path / "adapted.safetensors").string() << "  (" << layers.size() << " layers, "
            << truths.size(0) << " truths)\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run_tool<Options>(argc, argv, oracle); }
