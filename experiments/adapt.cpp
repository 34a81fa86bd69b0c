// Question: what does the generator make when its images step the way the words do?
// Run:      adapt --target "a pencil sketch of a cartoon portrait" [--dry-run]
//           adapt --reference --target "..." runs the official training loop, faults included (docs/differences.md)
// Writes:   runs/<target>-<n>/: options.cfg  metrics.csv  samples/000150.png ...  adapted.safetensors  report.html
#include <cmath>
#include <iostream>
#include <sstream>

#include "nada/adaptation/adaptation.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/run_experiment.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/selector.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"

namespace {

struct Options : nada::AdaptOptions {
  std::string layers = "adaptive", views = "plain", exit = "full";
  int select_every = 10;
  double blur = 0;
  bool reference = false;
  bool official_index = false, bare_selection = false, two_noises = false, zero_gradients = false;
  bool no_clamp = false, no_antialias = false;

  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    using enum nada::OptionTable::Kind;
    table.group("Parts");
    table.add("layers", layers, "which layers train: all, adaptive[:K], or names such as conv.16.0,conv.16.1", saved,
              "CHOICE");
    table.add("select-every", select_every, "steps between choices of adaptive layers: 1 or 10", saved, "1|10");
    table.add("views", views, "what the encoders see of an image: plain or crops", saved, "NAME");
    table.add("blur", blur, "how far crops are blurred: by means over a square, its side as a share of the image's");
    table.add("exit", exit, "how much of the generator is rendered: full, 64, 128 or 256", saved, "NAME");
    table.group("As the official code does it (docs/differences.md)");
    table.add("reference", reference, "all of the following, and its optimiser; the other options must agree");
    table.add("official-index", official_index, "adaptive layers are counted one off, and the last style counts too");
    table.add("bare-selection", bare_selection, "layers are scored by the bare target text, cosines scaled");
    table.add("two-noises", two_noises, "with --noise fresh: source and adapted images have noise of their own");
    table.add("zero-gradients", zero_gradients, "layers that are not chosen have a gradient of zero, not none");
    table.add("no-clamp", no_clamp, "encoders see pixels outside [-1, 1]");
    table.add("no-antialias", no_antialias, "images are resized for the encoders without antialias");
  }

  /// What --reference stands for. Steps, batch, seed, rate, files and texts stay free.
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

  nada::AdaptationSettings settings(const nada::StyleGan2& source) const {
    auto out = AdaptOptions::settings(source);
    out.clamp = !no_clamp;
    out.two_noises = two_noises;
    out.zero_gradients = zero_gradients;
    out.official_selection = bare_selection;
    if (reference) {  // as if a regularisation, which does not happen, took every fifth step
      out.adam.rate *= 0.8;
      out.adam.beta2 = std::pow(out.adam.beta2, 0.8);
    }
    return out;
  }
};

/// What adaptive layers are ranked by: of each convolution the score of the style that it reads.
std::vector<double> scores_of(const nada::Probe& probe) {
  const auto styles = nada::AdaptiveTopK{}.scores(probe).to(torch::kCPU, torch::kFloat64);
  std::vector<double> out(probe.layers.size(), std::nan(""));
  for (const auto i : probe.candidates)
    if (probe.layers[i].kind == nada::LayerKind::convolution) out[i] = styles[probe.layers[i].style].item<double>();
  return out;
}

template <class Selector, class Views, class Exit>
int adapt(const Options& o, nada::Session& session, Selector selector, Views views, Exit exit) {
  using namespace nada;
  const auto device = o.machine.place();
  if (o.reference) std::cout << "the official training loop, faults included (docs/differences.md)\n";
  const Directional directional{.min_length = o.min_length, .offset_if_identical = o.min_length == 0 ? 1e-6 : 0};
  auto source = o.load_source();
  const auto settings = o.settings(source);
  Adaptation adaptation{std::move(source),
                        o.texts.load_encoders(device, !o.no_antialias),
                        o.texts.shift(),
                        weigh(o.directional, directional) + weigh(o.global, Global{}) + weigh(o.range, RangePenalty{}) +
                            weigh(o.pixels, PixelAnchor{}),
                        std::move(selector),
                        FullWeights{},
                        std::move(views),
                        std::move(exit),
                        settings};
  if (!o.layers.starts_with("adaptive")) return session.run(adaptation);
  return session.run(adaptation, [&] { return scores_of(adaptation.probe({o.seed, adaptation.steps_done()})); });
}

// From option texts to types, one part at a time: every composition is a type of its own.
template <class Selector, class Views>
int with_exit(const Options& o, nada::Session& session, Selector selector, Views views) {
  if (o.exit == "full") return adapt(o, session, std::move(selector), std::move(views), nada::FullSize{});
  if (o.exit == "64") return adapt(o, session, std::move(selector), std::move(views), nada::EarlyExit<64>{});
  if (o.exit == "128") return adapt(o, session, std::move(selector), std::move(views), nada::EarlyExit<128>{});
  if (o.exit == "256") return adapt(o, session, std::move(selector), std::move(views), nada::EarlyExit<256>{});
  nada::fail("option exit: expected full, 64, 128 or 256, found '", o.exit, "'");
}

[[noreturn]] void unknown_views(const Options& o) {
  nada::fail("option views: expected plain or crops, found '", o.views, "'");
}

nada::CropViews crops(const Options& o) {
  nada::require(o.blur >= 0 && o.blur <= 1, "option blur is ", o.blur, ", expected 0 to 1");
  return {.blur = o.blur};
}

template <class Selector>
int with_views(const Options& o, nada::Session& session, Selector selector) {
  if (o.views == "plain") return with_exit(o, session, std::move(selector), nada::Plain{});
  if (o.views == "crops") return with_exit(o, session, std::move(selector), crops(o));
  unknown_views(o);
}

// The official index is counted in all of a generator that chooses anew in every step.
int with_official_index(const Options& o, nada::Session& session, nada::OfficialIndex<nada::AdaptiveTopK> selector) {
  nada::require(o.exit == "full" && o.select_every == 1, "--official-index needs --exit full and --select-every 1");
  if (o.views == "plain") return adapt(o, session, selector, nada::Plain{}, nada::FullSize{});
  if (o.views == "crops") return adapt(o, session, selector, crops(o), nada::FullSize{});
  unknown_views(o);
}

int with_layers(const Options& o, nada::Session& session) {
  if (o.layers == "all" && o.reference)  // the official choice without selection: the constant trains too
    return with_views(o, session, nada::NamedLayers{{"constant", "convolution"}});
  if (o.layers == "all") return with_views(o, session, nada::AllLayers{});
  if (o.layers == "adaptive" || o.layers.starts_with("adaptive:")) {
    nada::AdaptiveTopK adaptive;
    if (o.layers.size() > 8) adaptive.k = nada::detail::OptionText<std::size_t>::read("layers", o.layers.substr(9), {});
    nada::require(o.layers.size() <= 8 || adaptive.k > 0, "option layers: adaptive:K needs K >= 1");
    if (o.official_index) return with_official_index(o, session, nada::OfficialIndex(adaptive));
    if (o.select_every == 1) return with_views(o, session, adaptive);
    if (o.select_every == 10) return with_views(o, session, nada::Every<10, nada::AdaptiveTopK>{adaptive});
    nada::fail("option select-every: expected 1 or 10, found ", o.select_every);
  }
  nada::NamedLayers named;
  std::istringstream in(o.layers);
  for (std::string name; std::getline(in, name, ',');) named.names.push_back(name);
  return with_views(o, session, named);
}

}  // namespace

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, with_layers); }
