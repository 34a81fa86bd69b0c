/// Inverters: from a picture to the styles that make it.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// Inversion is the result of an inverter.
struct Inversion {
  Tensor styles;              // w+ [1, L, D]
  std::vector<Tensor> noise;  // optimized maps [r, r], one for each convolution, or empty
  double loss = 0;            // perceptual and pixel terms of the picture that `styles` gives
  std::size_t start = 0;      // index of the start that led to `styles`
};

/// InversionProgress is called with the steps done, their total, and the best loss so far. It
/// returns false to stop the inversion.
using InversionProgress = std::function<bool(std::int64_t step, std::int64_t total, double loss)>;

/// Inverter: takes an image [1, 3, H, W] in [-1, 1] of the generator's resolution to the styles whose image comes
/// nearest. The generator stays as it is. Smallest model: MeanStyle below; the real model is in
/// inversion/style_optimization.hpp.
template <class I, class G>
concept Inverter = Generator<G> &&
    requires(const I& i, const G& g, const Tensor& image, const Stream& stream, const InversionProgress& progress) {
  { i.invert(g, image, stream, progress) } -> std::same_as<Inversion>;
};

template <class I, class G>
consteval bool explain_inverter() {
  static_assert(
      Inverter<I, G>,
      "Inverter: add `nada::Inversion invert(const G&, const torch::Tensor& image, const nada::Stream&, const "
      "nada::InversionProgress&) const` (docs/policies.md#inversion)");
  return true;
}

/// MeanStyle gives the mean style for every picture: the baseline that every inverter must beat.
struct MeanStyle {
  template <Generator G>
  Inversion invert(const G& generator, const Tensor&, const Stream&, const InversionProgress&) const {
    const auto d = generator.mean_style().size(0);
    return {generator.mean_style().view({1, 1, d}).expand({1, generator.style_count(), d}).contiguous(), {}, 0, 0};
  }
};

/// Checks that an image has the shape that inverters take.
/// Errors:  another shape; another size than the generator's; NaN.
template <Generator G>
void check_image(const G& generator, const Tensor& image) {
  const std::int64_t r = generator.resolution();
  require(image.sizes() == at::IntArrayRef({1, 3, r, r}), "an image of shape ", shape_text(image.sizes()),
          ", expected [1, 3, ", r, ", ", r, "]");
  require(at::isfinite(image).all().template item<bool>(), "the image holds values that are not finite");
}

/// Checks that a generator takes the styles that an encoder gives, `count` of `size` numbers.
/// Errors:  a generator of others.
template <Generator G>
void check_styles(const G& generator, std::int64_t count, std::int64_t size) {
  require(generator.style_count() == count && generator.mean_style().size(0) == size, "the encoder gives ", count,
          " styles of ", size, " numbers, this generator takes ", generator.style_count(), " of ",
          generator.mean_style().size(0));
}

}  // namespace nada
