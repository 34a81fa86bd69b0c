// Question: what does the generator make when its images step the way the words do?
// Run:      adapt --target "a pencil sketch of a cartoon portrait" [--dry-run]
//           adapt --reference --target "..." runs the official training loop, faults included (docs/differences.md)
// Writes:   runs/<target>-<n>/: options.cfg  metrics.csv  samples/000150.png ...  adapted.safetensors  report.html
#include <cmath>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/experiment/menu_adaptation.hpp"
#include "nada/experiment/run_experiment.hpp"
#include "nada/experiment/term_menu.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/selection/adaptive_top_k.hpp"

namespace {

struct Options : nada::AdaptOptions {
  std::string layers = "adaptive", views = "plain", exit = "full", parameterization = "full";
  std::vector<std::string> terms;
  std::int64_t select_every = 10;
  double blur = 0;
  bool reference = false;
  bool official_index = false, bare_selection = false, two_noises = false, zero_gradients = false;
  bool no_clamp = false, no_antialias = false;

  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    using enum nada::OptionTable::Kind;
    table.group("Parts");
    table.add("layers", layers,
              "which layers train: all, adaptive[:K], gradient[:K], random[:K], or names such as conv.16.0,conv.16.1",
              saved, "CHOICE");
    table.add("select-every", select_every, "steps between choices of adaptive, gradient or random layers");
    table.add("parameterization", parameterization,
              "what of a layer trains: full, affine, style-offsets, style-offsets-top-<percent>, channel-scales or "
              "low-rank-<rank>",
              saved, "NAME");
    table.add("term", terms,
              "a further term with its weight and options; several may be given: " + nada::term_names_and_options(),
              saved, "NAME=WEIGHT[,option=value]");
    table.add("views", views, "what the encoders see of an image: plain or crops", saved, "NAME");
    table.add("blur", blur, "how far crops are blurred: by means over a square, its side as a share of the image's");
    table.add("exit", exit, "how much of the generator is rendered: full, or pixels of a side: 64, 128, 256", saved,
              "SIZE");
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
    table.demand("reference", {{"noise", "fresh"},
                               {"two-noises", "true"},
                               {"directional", "1"},
                               {"global", "0"},
                               {"range", "0"},
                               {"pixels", "0"},
                               {"min-length", "0"},
                               {"mixing", "0"},
                               {"views", "plain"},
                               {"exit", "full"},
                               {"select-every", "1"},
                               {"official-index", "true"},
                               {"no-clamp", "true"},
                               {"bare-selection", "true"},
                               {"no-antialias", "true"},
                               {"zero-gradients", "true"}});
  }

  nada::AdaptationSettings settings(const nada::AnyGenerator& source) const {
    auto out = AdaptOptions::settings(source);
    out.clamp = !no_clamp;
    if (reference) {  // as if a regularisation, which does not happen, took every fifth step
      out.adam.rate *= 0.8;
      out.adam.beta2 = std::pow(out.adam.beta2, 0.8);
    }
    return out;
  }
  std::optional<nada::OfficialTraining> official() const {
    if (!two_noises && !zero_gradients && !bare_selection) return {};
    return nada::OfficialTraining{
        .two_noises = two_noises, .zero_gradients = zero_gradients, .bare_selection = bare_selection};
  }

  nada::TermList objective(torch::Device device) const {
    nada::TermList out;
    const double offset = min_length == 0 ? 1e-6 : 0;
    out.add({directional, {nada::Directional{.min_length = min_length, .offset_if_identical = offset}}});
    out.add({global, {nada::Global{}}});
    out.add({range, {nada::RangePenalty{}}});
    out.add({pixels, {nada::PixelAnchor{}}});
    for (const auto& term : terms) out.add(nada::read_term(term, device));
    return out;
  }

  nada::Every<nada::AnySelector> selector() const {
    nada::require(select_every >= 1, "option select-every: expected at least 1, found ", select_every);
    if (layers == "all" && reference)  // the official choice without selection: the constant trains too
      return nada::Every<nada::AnySelector>(1, {nada::NamedLayers{{"constant", "convolution"}}});
    auto chosen = nada::AnySelector::named(layers);
    if (official_index) {
      const auto* const adaptive = std::get_if<nada::AdaptiveTopK>(&chosen.choice());
      nada::require(adaptive != nullptr || layers == "all", "--official-index needs --layers all or adaptive[:K]");
      nada::require(exit == "full" && select_every == 1, "--official-index needs --exit full and --select-every 1");
      if (adaptive != nullptr) chosen = {nada::OfficialIndex(*adaptive)};
    }
    const auto every = chosen.changes() ? select_every : 1;
    return nada::Every<nada::AnySelector>(every, std::move(chosen));
  }

  nada::EarlyExit early_exit() const {
    if (exit == "full") return {};
    const auto pixels = nada::read_number<int>("exit", exit);
    nada::require(pixels >= 4 && (pixels & (pixels - 1)) == 0,
                  "option exit: expected full or a power of two from 4, found '", exit, "'");
    return {pixels};
  }
};

/// Returns the numbers that adaptive layers are ranked by: for each convolution, the score of the style that it reads.
std::vector<double> scores_of(const nada::Probe& probe) {
  const auto styles = nada::AdaptiveTopK{}.scores(probe).to(torch::kCPU, torch::kFloat64);
  std::vector<double> out(probe.layers.size(), std::nan(""));
  for (const auto i : probe.candidates)
    if (probe.layers[i].kind == nada::LayerKind::convolution) out[i] = styles[probe.layers[i].style].item<double>();
  return out;
}

int adapt(const Options& o, nada::Session& session) {
  if (o.reference) std::cout << "the official training loop, faults included (docs/differences.md)\n";
  const auto device = o.machine.place();
  auto source = o.load_source();
  auto settings = o.settings(source);
  const auto adaptation = nada::make_adaptation(
      {std::move(source), o.texts.load_encoders(device, !o.no_antialias), o.texts.shift(), o.objective(device),
       o.selector(), nada::AnyParameterization::named(o.parameterization, "option parameterization"),
       nada::AnyViews::named(o.views, o.blur), o.early_exit(), std::move(settings), o.official()});
  if (!o.layers.starts_with("adaptive")) return session.run(*adaptation);
  return session.run(*adaptation, [&] { return scores_of(adaptation->probe({o.seed, adaptation->steps_done()})); });
}

}  // namespace

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, adapt); }
