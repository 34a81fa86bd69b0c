/// An inverter that is followed by a search.
#pragma once
#include <utility>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/style_optimization.hpp"

namespace nada {

/// Returns the settings of a search of `steps` steps that starts near its end: from one start, without noise on the
/// styles, with 0.3 of the learning rate of a search from scratch, and with thirty times the weight of pixels: near the
/// picture the tokens' gradient is by far the larger one, and what both see comes nearer so (docs/pictures.md).
inline StyleOptimizationSettings refinement(std::int64_t steps) {
  StyleOptimizationSettings out;
  out.steps = steps;
  out.starts = 1;
  out.candidates = 0;
  out.style_noise = 0;
  out.pixels = 30;
  out.rate = 0.03;
  out.ramp_down = 0.5;
  return out;
}

/// Refined searches on from the styles that another inverter gives. The styles with the lower loss of the search, those
/// of its end or those of its start, are the result.
/// Facts:   without noise on the styles, the loss is never above that of the inverter's own styles.
template <class First, FeatureExtractor F>
class Refined {
 public:
  Refined(First first, F features, StyleOptimizationSettings settings)
      : first_(std::move(first)), features_(std::move(features)), settings_(std::move(settings)) {
    settings_.check();
  }

  /// `progress` counts the steps of the search.
  template <Generator G>
  Inversion invert(const G& generator, const Tensor& image, const Stream& stream,
                   const InversionProgress& progress = {}) const {
    auto start = first_.invert(generator, image, stream, InversionProgress{});
    auto settings = settings_;
    settings.initial = start.styles;
    double before = 0;  // loss of the styles that the search starts with
    const auto told = [&](std::int64_t step, std::int64_t total, double loss) {
      if (step == 1) before = loss;
      return !progress || progress(step, total, loss);
    };
    auto found = StyleOptimization(features_, settings).invert(generator, image, stream, told);
    if (found.loss <= before || settings.style_noise > 0) return found;  // with noise, `before` is no loss of theirs
    start.loss = before;
    return start;
  }

 private:
  First first_;
  F features_;
  StyleOptimizationSettings settings_;
};

}  // namespace nada
