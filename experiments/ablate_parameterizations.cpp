// Question: how few numbers of a layer may train before the shift fails?
// Run:      ablate_parameterizations --targets sketch,zombie,statue --seeds 5 [--quick]
// Writes:   runs/ablate_parameterizations/: table.md  means.csv  differences.csv  costs.csv  cells.csv  plot.png
//           grid.png
#include "nada/experiment/ablation.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/parameterization/channel_scales.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/low_rank.hpp"
#include "nada/parameterization/style_offsets.hpp"
#include "nada/selection/all_layers.hpp"

namespace {

struct Options : nada::AblationOptions {
  static constexpr const char* program = "ablate_parameterizations";
  static constexpr const char* about = "compares what of a layer trains on the same cells";
  double rate_factor = 10;

  void declare(nada::OptionTable& table) {
    AblationOptions::declare(table);
    table.group("Parts");
    table.add("rate-factor", rate_factor, "the learning rate of offsets and scales is --lr times this");
  }
};

auto variants(const Options& options) {
  using namespace nada;
  // All layers train, so that the variants differ in nothing else. A few numbers of size 1 need larger
  // steps than weights.
  const auto part = [](std::string name, auto parameterization, double factor = 1) {
    return Variant{std::move(name), [parameterization, factor](AblationCell cell) {
                     cell.settings.adam.rate *= factor;
                     return adapt_cell(cell, cell.shift(), default_objective(), AllLayers{}, parameterization);
                   }};
  };
  const double factor = options.rate_factor;
  return Variants{part("full", FullWeights{}),
                  part("affine", AffineOnly{}),
                  part("style-offsets", StyleOffsets{}, factor),
                  part("style-offsets-top-20", SparseStyleOffsets{.percent = 20}, factor),
                  part("channel-scales", ChannelScales{}, factor),
                  part("low-rank-1", LowRank{.rank = 1}),
                  part("low-rank-4", LowRank{.rank = 4})};
}

}  // namespace

int main(int argc, char** argv) { return nada::run_ablation<Options>(argc, argv, variants); }
