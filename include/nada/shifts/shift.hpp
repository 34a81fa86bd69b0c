/// Shifts: from where to where an adaptation goes in an encoder's space.
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "nada/core/tensor.hpp"

namespace nada {

/// Sampler renders images of the anchor generator, [count, 3, H, W], from a stream of their own.
using Sampler = std::function<Tensor(std::int64_t count)>;

/// Endpoints are a shift in one encoder's space.
struct Endpoints {
  Tensor source, target;  // [1, E], unit length: normalised mean over templates
  Tensor direction;       // [1, E], unit(mean over templates of (target_t - source_t)): not unit(target - source)
};

/// Shift: gives the endpoints in each encoder's space. Smallest model: shifts/fixed_shift.hpp.
template <class S, class E>
concept Shift = requires(const S& s, const E& encoder, const Sampler& anchor) {
  { s.endpoints(encoder, anchor) } -> std::same_as<Endpoints>;
};

/// TextualShift: a shift that has texts, for terms that make texts of their own (part templates, prompt variants).
template <class S>
concept TextualShift = requires(const S& s) {
  { s.source() } -> std::convertible_to<std::string_view>;
  { s.target() } -> std::convertible_to<std::string_view>;
  { s.templates() } -> std::convertible_to<std::span<const std::string>>;
};

/// MovingShift: at steps where moves_anchor() returns true the adapted generator becomes the anchor,
/// and the endpoints are made again.
template <class S>
concept MovingShift = requires(const S& s, std::int64_t step) {
  { s.moves_anchor(step) } -> std::same_as<bool>;
};

template <class S, class E>
consteval bool explain_shift() {
  static_assert(Shift<S, E>,
                "Shift: add `nada::Endpoints endpoints(const auto& encoder, const nada::Sampler& anchor) const` "
                "(docs/policies.md#shifts)");
  return true;
}

}  // namespace nada
