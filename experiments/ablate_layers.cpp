// Question: which layers should train, who chooses them, and how often?
// Run:      ablate_layers --targets sketch,zombie,statue --seeds 5 [--quick]
// Writes:   runs/ablate_layers/: table.md  means.csv  differences.csv  costs.csv  cells.csv  plot.png  grid.png  cells/
#include "nada/experiment/ablation.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/by_change.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/gradient_top_k.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/random_k.hpp"

namespace {

struct Options : nada::AblationOptions {
  static constexpr const char* program = "ablate_layers";
  static constexpr const char* about = "compares choices of layers on the same cells";
};

auto variants(const Options&) {
  using namespace nada;
  const auto layers = [](std::string name, auto selector) {
    return Variant{std::move(name), [selector](const AblationCell& cell) {
                     return adapt_cell(cell, cell.shift(), default_objective(), selector);
                   }};
  };
  const auto top = [](std::size_t k) { return AdaptiveTopK{.k = k}; };
  return Variants{layers("top-6", Every{10, top(6)}),
                  layers("all", AllLayers{}),
                  layers("top-8", Every{10, top(8)}),
                  layers("top-3", Every{10, top(3)}),
                  layers("top-1", Every{10, top(1)}),
                  layers("top-6-each-step", top(6)),
                  layers("random-6", Every{10, RandomK{.k = 6}}),
                  layers("gradient-6", Every{10, GradientTopK{.k = 6}}),
                  layers("most-changed-6", Every{10, MostChanged{.k = 6, .all_until = 10}}),
                  layers("least-changed-6", Every{10, LeastChanged{.k = 6}}),
                  layers("official-6", OfficialIndex<AdaptiveTopK>{top(6)}),
                  layers("coarse", NamedLayers{{"coarse"}}),
                  layers("medium", NamedLayers{{"medium"}}),
                  layers("fine", NamedLayers{{"fine"}}),
                  layers("phase-texture", NamedLayers{{"phase:texture"}})};
}

}  // namespace

int main(int argc, char** argv) { return nada::run_ablation<Options>(argc, argv, variants); }
