/// A shift that makes the partly adapted generator the anchor.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// MovingAnchor is the shift `S` with an anchor that moves: after every `every` steps the adapted generator,
/// as it is then, becomes the anchor whose images the adapted images are compared with, and S gives its
/// endpoints anew. MeanSource and ImageShift then start from the images of the moved anchor, while the
/// endpoints of a text stay the same.
/// Source:  Liu et al., AIR: Zero-shot Generative Model Adaptation with Iterative Refinement, arXiv:2506.10895, without
///          its learned prompt for the anchor.
/// Errors:  fewer than one step; the errors of S.
template <class S>
class MovingAnchor {
 public:
  MovingAnchor(S inner, std::int64_t every) : inner_(std::move(inner)), every_(every) {
    require(every_ >= 1, "MovingAnchor: the anchor moves every ", every_, " steps, expected at least 1");
  }

  bool moves_anchor(std::int64_t step) const { return step > 0 && step % every_ == 0; }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler& anchor) const {
    static_assert(explain_shift<S, E>());
    return inner_.endpoints(encoder, anchor);
  }

  std::string_view source() const requires TextualShift<S> { return inner_.source(); }
  std::string_view target() const requires TextualShift<S> { return inner_.target(); }
  std::span<const std::string> templates() const requires TextualShift<S> { return inner_.templates(); }

 private:
  S inner_;
  std::int64_t every_;
};

}  // namespace nada
