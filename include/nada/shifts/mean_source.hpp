/// A shift that starts from the images that the generator makes, not from a text about them.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// MeanSource keeps the target of the shift `S` and takes the mean of `samples` images of
/// the anchor generator as source:
///     direction = unit(target - mean_n E(anchor_n))                                       [1, E]
/// Source:  Zhang et al., Towards Diverse and Faithful One-shot Adaption (DiFa), arXiv:2207.08736, equation 3, for one
///          target picture. With a text as target the direction also crosses the gap between images and texts.
/// Facts:   for an ImageShift the result is that ImageShift with the same number of samples.
/// Errors:  the errors of S; a target that equals the mean of the images.
template <class S>
class MeanSource {
 public:
  explicit MeanSource(S inner, std::int64_t samples = 64) : inner_(std::move(inner)), samples_(samples) {
    require(samples_ >= 1, "MeanSource: ", samples_, " samples, expected at least 1");
  }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler& anchor) const {
    static_assert(explain_shift<S, E>());
    const auto target = inner_.endpoints(encoder, anchor).target;
    return between_means(mean_feature(encoder, anchor(samples_).clamp(-1, 1)), target,
                         "the anchor's images and the target");
  }

  std::string_view source() const requires TextualShift<S> { return inner_.source(); }
  std::string_view target() const requires TextualShift<S> { return inner_.target(); }
  std::span<const std::string> templates() const requires TextualShift<S> { return inner_.templates(); }

 private:
  S inner_;
  std::int64_t samples_;
};

}  // namespace nada
