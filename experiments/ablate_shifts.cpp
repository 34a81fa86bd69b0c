// Question: where should the direction come from: texts, a few pictures, the generator itself?
// Run:      ablate_shifts --targets sketch,zombie,statue --seeds 5 [--quick]
// Writes:   runs/ablate_shifts/: table.md  means.csv  differences.csv  costs.csv  cells.csv  plot.png  grid.png  cells/
#include "nada/core/error.hpp"
#include "nada/experiment/ablation.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/mean_source.hpp"
#include "nada/shifts/moving_anchor.hpp"

namespace {

struct Options : nada::AblationOptions {
  static constexpr const char* program = "ablate_shifts";
  static constexpr const char* about =
      "compares shifts on the same cells; pictures that train are not those that measure";
  std::int64_t anchor_every = 20;

  void declare(nada::OptionTable& table) {
    AblationOptions::declare(table);
    table.group("Parts");
    table.add("anchor-every", anchor_every, "steps after which the moving anchor moves");
  }
};

auto variants(const Options& options) {
  using namespace nada;
  const auto shift = [](std::string name, auto make) {
    return Variant{std::move(name),
                   [make](const AblationCell& cell) { return adapt_cell(cell, make(cell), default_objective()); }};
  };
  const auto pictures = [](const AblationCell& cell) {
    require(cell.pictures.defined(), "the target '", cell.target_text, "' has no pictures to shift to");
    return cell.pictures;
  };
  return Variants{
      shift("text", [](const AblationCell& cell) { return cell.shift(); }),
      shift("text-mean-source", [](const AblationCell& cell) { return MeanSource(cell.shift()); }),
      shift("pictures", [pictures](const AblationCell& cell) { return ImageShift(pictures(cell)); }),
      shift("both-pictures",
            [pictures](const AblationCell& cell) {
              require(cell.source_pictures.defined(), "the list of targets has no pictures of '", cell.source_text,
                      "'");
              return ImageShift(cell.source_pictures, pictures(cell));
            }),
      shift("one-picture", [pictures](const AblationCell& cell) { return ImageShift(pictures(cell).narrow(0, 0, 1)); }),
      shift("text-moving-anchor",
            [every = options.anchor_every](const AblationCell& cell) { return MovingAnchor(cell.shift(), every); })};
}

}  // namespace

int main(int argc, char** argv) { return nada::run_ablation<Options>(argc, argv, variants); }
