/// Views: what the encoders are shown of an image; and exits: up to which resolution a generator is rendered.
#pragma once
#include <algorithm>
#include <concepts>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Views: show one or several pictures of each image, the same number for each. Adapted and anchor images of a step are
/// shown with the same stream, so that both get the same draw. Only the training step uses views; selection and shifts
/// see plain images. Smallest model: Plain.
template <class V>
concept Views = requires(const V& v, Tensor images, const Stream& stream) {
  { v.show(images, stream) } -> std::same_as<Tensor>;  // [N, 3, H, W] -> [V N, 3, H, W]
};

template <class V>
consteval bool explain_views() {
  static_assert(
      Views<V>,
      "Views: add `torch::Tensor show(torch::Tensor images, const nada::Stream&) const` (docs/policies.md#views)");
  return true;
}

/// Plain shows the images as they are.
struct Plain {
  Tensor show(const Tensor& images, const Stream&) const { return images; }
};

/// Exit: gives the resolution up to which a generator is rendered. Layers above it cannot be chosen.
template <class X>
concept Exit = requires(const X& x, int full_resolution) {
  { x.resolution(full_resolution) } -> std::convertible_to<int>;
};

/// FullSize renders the whole generator.
struct FullSize {
  int resolution(int full) const { return full; }
};

/// EarlyExit renders the skip sum up to `pixels`: cheaper, for shifts that need no fine detail. 0 means the full size.
/// Errors:  pixels that are not a power of two from 4.
struct EarlyExit {
  int pixels = 0;

  int resolution(int full) const {
    require(pixels == 0 || (pixels >= 4 && (pixels & (pixels - 1)) == 0), "EarlyExit: ", pixels,
            " pixels, expected 0 or a power of two from 4");
    return pixels == 0 ? full : std::min(full, pixels);
  }
};

}  // namespace nada
