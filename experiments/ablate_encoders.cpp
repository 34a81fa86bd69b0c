// Question: does one encoder do, and does it matter which?
// Run:      ablate_encoders --targets sketch,zombie,statue --seeds 5 [--quick]
// Writes:   runs/ablate_encoders/: table.md  means.csv  differences.csv  costs.csv  cells.csv  plot.png  grid.png
//           cells/
#include "nada/core/error.hpp"
#include "nada/experiment/ablation.hpp"

namespace {

struct Options : nada::AblationOptions {
  static constexpr const char* program = "ablate_encoders";
  static constexpr const char* about = "compares encoders to train against on the same cells";
};

auto variants(const Options&) {
  using namespace nada;
  // Each encoder of --encoder is tried alone, found by its place, with all of the weight.
  const auto encoders = [](std::string name, std::vector<double> weights) {
    return Variant{std::move(name), [weights](AblationCell cell) {
                     require(cell.encoders.size() == weights.size(), "ablate_encoders compares ", weights.size(),
                             " encoders, but --encoder names ", cell.encoders.size());
                     for (std::size_t i = 0; i < weights.size(); ++i) cell.encoders[i].weight = weights[i];
                     return adapt_cell(cell, cell.shift(), default_objective());
                   }};
  };
  return Variants{encoders("both", {0.5, 0.5}), encoders("first", {1, 0}), encoders("second", {0, 1}),
                  encoders("three-to-one", {0.75, 0.25}), encoders("one-to-three", {0.25, 0.75})};
}

}  // namespace

int main(int argc, char** argv) { return nada::run_ablation<Options>(argc, argv, variants); }
