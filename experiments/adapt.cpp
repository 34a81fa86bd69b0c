// Question: what does the generator make when its images step the way the words do?
// Run:      adapt --target "a pencil sketch of a cartoon portrait" [--dry-run]
//           adapt --reference --target "..." runs the official training loop, faults included (docs/differences.md)
// Writes:   runs/<target>-<n>/: options.cfg  metrics.csv  samples/000150.png ...  adapted.safetensors  report.html
#include <cmath>
#include <iostream>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nada/experiment/menu_adaptation.hpp"
#include "nada/experiment/run_experiment.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/any_selector.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"

namespace {

struct Options : nada::AdaptOptions {
  bool reference = false;
  bool official_index = false, bare_selection = false, two_noises = false, zero_gradients = false;
  bool no_clamp = false, no_antialias = false;

  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    table.group("As the official code does it (docs/differences.md)");
    table.add("reference", reference, "all of the following, and its optimiser; the other options must agree");
    table.add("official-index", official_index, "adaptive layers are counted one off, and the last style counts too");
    table.add("bare-selection", bare_selection, "layers are scored by the bare target text, cosines scaled");
    table.add("two-noises", two_noises, "with --noise fresh: source and adapted images have noise of their own");
    table.add("zero-gradients", zero_gradients, "layers that are not chosen have a gradient of zero, not none");
    table.add("no-clamp", no_clamp, "encoders see pixels outside [-1, 1]");
    table.add("no-antialias", no_antialias, "images are resized for the encoders without antialias");
  }

  /// Sets what --reference implies. Steps, batch, seed, rate, files and texts stay free.
  void settle(nada::OptionTable& table) {
    if (!reference) return;
    nada::require(layers == "all" || layers.starts_with("adaptive"),
                  "--reference means layers = all or adaptive[:K], but ", layers, " was given for it");
    nada::require(pictures.empty() && away_from.empty() && terms.empty() && schedules.empty(),
                  "--reference has the directional term of two texts alone: without --pictures, --away-from, --term "
                  "and --schedule");
    if (table.given("generator") && !table.given("layers") && config.empty() && recipe == "default")
      layers = "adaptive";  // the share of the recipe is that of the embedded generator
    table.demand("reference", {{"noise", "fresh"},
                               {"two-noises", "true"},
                               {"directional", "1"},
                               {"global", "0"},
                               {"learned", "0"},
                               {"range", "0"},
                               {"pixels", "0"},
                               {"min-length", "0"},
                               {"mixing", "0"},
                               {"views", "plain"},
                               {"exit", "full"},
                               {"select-every", "1"},
                               {"optimizer", "adam"},
                               {"momentum", "0"},
                               {"beta2", "0.99"},
                               {"lr-schedule", "constant"},
                               {"clip-norm", "0"},
                               {"micro-batch", "0"},
                               {"split", "1"},
                               {"ema", "0"},
                               {"select-batch", "8"},
                               {"select-exit", "as-exit"},
                               {"anchor-pool", "0"},
                               {"precision", "float32"},
                               {"official-index", "true"},
                               {"no-clamp", "true"},
                               {"bare-selection", "true"},
                               {"no-antialias", "true"},
                               {"zero-gradients", "true"}});
  }

  std::optional<nada::OfficialTraining> official() const {
    if (!two_noises && !zero_gradients && !bare_selection) return {};
    return nada::OfficialTraining{
        .two_noises = two_noises, .zero_gradients = zero_gradients, .bare_selection = bare_selection};
  }

  nada::MenuParts parts() const {
    auto out = AdaptOptions::parts(!no_antialias);
    out.settings.clamp = !no_clamp;
    if (reference) {  // as if a regularisation, which does not happen, took every fifth step
      out.settings.adam.rate *= 0.8;
      out.settings.adam.beta2 = std::pow(out.settings.adam.beta2, 0.8);
    }
    out.selector = selector();
    return out;
  }

  nada::Every<nada::AnySelector> selector() const {
    if (layers == "all" && reference)  // the official choice without selection: the constant trains too
      return nada::Every<nada::AnySelector>(1, {nada::NamedLayers{{"constant", "convolution"}}});
    const auto chosen = nada::AnySelector::named(layers, selection_work());
    const auto* const adaptive = std::get_if<nada::AdaptiveTopK>(&chosen.choice());
    if (!official_index || adaptive == nullptr) {
      nada::require(!official_index || layers == "all", "--official-index needs --layers all or adaptive[:K]");
      return AdaptOptions::selector();
    }
    nada::require(exit == "full" && select_every == 1, "--official-index needs --exit full and --select-every 1");
    return nada::Every<nada::AnySelector>(1, {nada::OfficialIndex(*adaptive)});
  }
};

/// Returns the numbers that adaptive layers are ranked by: for each convolution, the score of the style that it reads.
std::vector<double> scores_of(const nada::Probe& probe, nada::AnySelector::Work work) {
  const auto styles =
      nada::AdaptiveTopK{.batch = work.batch, .chunk = work.at_once}.scores(probe).to(torch::kCPU, torch::kFloat64);
  std::vector<double> out(probe.layers.size(), std::nan(""));
  for (const auto i : probe.candidates)
    if (probe.layers[i].kind == nada::LayerKind::convolution) out[i] = styles[probe.layers[i].style].item<double>();
  return out;
}

int adapt(const Options& o, nada::Session& session) {
  if (o.reference) std::cout << "the official training loop, faults included (docs/differences.md)\n";
  const auto adaptation = nada::make_adaptation(o.parts(), o.official());
  if (!o.layers.starts_with("adaptive")) return session.run(*adaptation);
  return session.run(*adaptation, [&] {
    return scores_of(adaptation->probe({o.seed, adaptation->steps_done()}), o.selection_work());
  });
}

}  // namespace

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, adapt); }
