// Question: what does each term of the objective do, alone and beside the others?
// Run:      ablate_losses --targets sketch,zombie,statue --seeds 5 [--only global,directional,both] [--quick]
// Writes:   runs/ablate_losses/: table.md  means.csv  differences.csv  costs.csv  cells.csv  plot.png  grid.png  cells/
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/experiment/ablation.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/learned_step.hpp"
#include "nada/losses/lpips_anchor.hpp"
#include "nada/losses/manifold.hpp"
#include "nada/losses/moment.hpp"
#include "nada/losses/patch_directional.hpp"
#include "nada/losses/perceptual_anchor.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/texture.hpp"
#include "nada/losses/weight_anchor.hpp"
#include "nada/losses/within_domain.hpp"
#include "nada/parameterization/fisher_information.hpp"
#include "nada/parameterization/full_weights.hpp"

namespace {

struct Options : nada::AblationOptions {
  static constexpr const char* program = "ablate_losses";
  static constexpr const char* about = "compares objectives on the same cells";
  std::filesystem::path lpips;

  void declare(nada::OptionTable& table) {
    AblationOptions::declare(table);
    table.group("Terms");
    table.add("lpips", lpips, "LPIPS network vgg.pth, beside torchvision's vgg16-397923af.pth, for the term lpips");
  }
};

auto variants(const Options& options) {
  using namespace nada;
  // Makes a variant with these terms; every other part is as in the embedded default, but two thirds of the styles
  // train.
  const auto objective = [](std::string name, auto terms) {
    return Variant{std::move(name),
                   [terms](const AblationCell& cell) { return adapt_cell(cell, cell.shift(), terms); }};
  };
  const auto range = weigh(10.0, RangePenalty{});
  const auto recipe = default_objective();
  return Variants{
      objective("both", recipe), objective("directional", weigh(1.0, Directional{}) + range),
      objective("global", weigh(1.0, Global{}) + range),
      // The recipe of `adapt`: with the step that the first encoder's head predicts, and that step alone
      objective("default", recipe + weigh(4.0, On<0, LearnedStep>{{.required = false}})),
      objective("learned", weigh(4.0, On<0, LearnedStep>{{.required = false}}) + range),
      // With these weights, a step across the direction costs about 1, as with the cosine
      objective("directional-l1", weigh(10.0, Directional{.distance = StepDistance::l1}) +
                                      weigh(default_global_weight, Global{}) + range),
      objective("directional-l2", weigh(64.0, Directional{.distance = StepDistance::l2}) +
                                      weigh(default_global_weight, Global{}) + range),
      objective("manifold", recipe + weigh(1.0, Manifold{})),
      objective("patches", recipe + weigh(0.5, PatchDirectional{.size = 32})),
      objective("patch-similarity", recipe + weigh(0.5, PatchSimilarity{.size = 32, .count = 2})),
      objective("within", recipe + weigh(0.5, WithinDomain{})),
      objective("in-domain", recipe + weigh(10.0, InDomainDiversity{})),
      objective("moment", weigh(1.0, Moment{}) + weigh(default_global_weight, Global{}) + range),
      objective("pixel-anchor", recipe + weigh(0.3, PixelAnchor{})),
      objective("token-anchor", recipe + weigh(0.3, PerceptualAnchor{})),
      objective("weight-anchor", recipe + weigh(0.001, WeightAnchor{})),
      Variant{"ewc",
              [recipe](const AblationCell& cell) {
                // A weight matters as far as it keeps the source's images near the source text
                const auto& encoder = cell.encoders.front().encoder;
                const auto ends = cell.shift().endpoints(encoder, {});
                const auto z = Stream{cell.settings.seed, 0}.normal(Purpose::shift, {8, cell.source.latent_size()});
                const auto fisher = fisher_information(
                    cell.source, FullWeights{}, z.to(cell.source.options()), [&](const Tensor& images) {
                      return 1 - (encoder.see(images.clamp(-1, 1)).unit * ends.source).sum();
                    });
                return adapt_cell(cell, cell.shift(), recipe + weigh(1000.0, WeightAnchor{fisher}));
              }},
      Variant{"texture",
              [recipe](const AblationCell& cell) {
                return adapt_cell(cell, cell.shift(), recipe + weigh(0.01, On<0, Texture>{{cell.pictures}}));
              }},
      Variant{"lpips",
              [recipe, path = options.lpips](const AblationCell& cell) {
                return adapt_cell(cell, cell.shift(), recipe + weigh(0.3, LpipsAnchor(Lpips::load(path))));
              },
              !options.lpips.empty()}};
}

}  // namespace

int main(int argc, char** argv) { return nada::run_ablation<Options>(argc, argv, variants); }
