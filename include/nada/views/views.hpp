/// What the encoders are shown of an image, and how much of a generator is rendered.
#pragma once
#include <algorithm>
#include <concepts>
#include <cstdint>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Views: count() pictures of each image, one draw for adapted and anchor images alike (the same stream gives the same
/// draw). Only the training step uses them; selection and shifts see plain images. Smallest model: Plain.
template <class V>
concept Views = requires(const V& v, Tensor images, const Stream& stream) {
  { v.count() } -> std::convertible_to<std::int64_t>;
  { v.show(images, stream) } -> std::same_as<Tensor>;  // [N, 3, H, W] -> [count * N, 3, H, W]
};

template <class V>
consteval bool explain_views() {
  static_assert(Views<V>,
                "Views: add `std::int64_t count() const` and `torch::Tensor show(torch::Tensor images, const "
                "nada::Stream&) const` "
                "(docs/policies.md#views)");
  return true;
}

/// The images as they are.
struct Plain {
  std::int64_t count() const { return 1; }
  Tensor show(const Tensor& images, const Stream&) const { return images; }
};

/// Exit: the resolution up to which a generator is rendered. Layers above it cannot be chosen.
template <class X>
concept Exit = requires(const X& x, int full_resolution) {
  { x.resolution(full_resolution) } -> std::convertible_to<int>;
};

/// All of it.
struct FullSize {
  int resolution(int full) const { return full; }
};

/// The skip sum up to `Pixels`: cheaper, for shifts that need no fine detail.
template <int Pixels>
struct EarlyExit {
  static_assert(Pixels >= 4 && (Pixels & (Pixels - 1)) == 0, "EarlyExit: Pixels is a power of two from 4");
  int resolution(int full) const { return std::min(full, Pixels); }
};

}  // namespace nada
