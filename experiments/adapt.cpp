// Question: what does the generator make when its images step the way the words do?
// Run:      adapt --target "a pencil sketch of a cartoon portrait" [--dry-run]
// Writes:   runs/<target>-<n>/: options.cfg  metrics.csv  samples/000090.png ...  adapted.safetensors  report.html
#include <sstream>

#include "nada/adaptation/adaptation.hpp"
#include "nada/experiment/run_experiment.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/views/crop_views.hpp"

namespace {

struct Options : nada::AdaptOptions {
  std::string layers = "adaptive", views = "plain", exit = "full";
  int select_every = 10;

  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    using enum nada::OptionTable::Kind;
    table.group("Parts");
    table.add("layers", layers, "which layers train: all, adaptive[:K], or names such as conv.16.0,conv.16.1", saved,
              "CHOICE");
    table.add("select-every", select_every, "steps between choices of adaptive layers: 1 or 10", saved, "1|10");
    table.add("views", views, "what the encoders see of an image: plain or crops", saved, "NAME");
    table.add("exit", exit, "how much of the generator is rendered: full, 64, 128 or 256", saved, "NAME");
  }
};

template <class Selector, class Views, class Exit>
int adapt(const Options& o, nada::Session& session, Selector selector, Views views, Exit exit) {
  using namespace nada;
  const auto device = o.machine.place();
  auto source = o.load_source();
  const auto settings = o.settings(source);
  Adaptation adaptation{std::move(source),
                        o.texts.load_encoders(device),
                        o.texts.shift(),
                        weigh(o.directional, Directional{o.min_length}) + weigh(o.global, Global{}) +
                            weigh(o.range, RangePenalty{}) + weigh(o.pixels, PixelAnchor{}),
                        std::move(selector),
                        FullWeights{},
                        std::move(views),
                        std::move(exit),
                        settings};
  return session.run(adaptation);
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

template <class Selector>
int with_views(const Options& o, nada::Session& session, Selector selector) {
  if (o.views == "plain") return with_exit(o, session, std::move(selector), nada::Plain{});
  if (o.views == "crops") return with_exit(o, session, std::move(selector), nada::CropViews{});
  nada::fail("option views: expected plain or crops, found '", o.views, "'");
}

int with_layers(const Options& o, nada::Session& session) {
  if (o.layers == "all") return with_views(o, session, nada::AllLayers{});
  if (o.layers == "adaptive" || o.layers.starts_with("adaptive:")) {
    nada::AdaptiveTopK adaptive;
    if (o.layers.size() > 8) adaptive.k = nada::detail::OptionText<std::size_t>::read("layers", o.layers.substr(9), {});
    nada::require(o.layers.size() <= 8 || adaptive.k > 0, "option layers: adaptive:K needs K >= 1");
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
