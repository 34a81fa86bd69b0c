/// The step of dense features that an encoder's head predicts for each picture.
#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// SteppingEncoder: a text-image encoder with dense features and a head that predicts their steps (step_head.hpp). The
/// head may be missing in a file.
template <class E>
concept SteppingEncoder = TextImageEncoder<E> && requires(const E& e, const Tensor& images) {
  { e.see_dense(images) } -> std::same_as<std::vector<Tensor>>;
  { e.step_head() } -> std::convertible_to<const StepHead*>;
};

/// Every place of the image should move as the head predicts it from the anchor's image and the texts' direction d:
///     L = k mean_l mean (f_l(adapted) - f_l(anchor) - s_l P_l(anchor, d))^2 / s_l^2             []  >= 0
/// over the head's levels l, of dense features f or of pixels, with the head's scales s. k in [0, 1] tells how far the head knows the texts: 0
/// where the largest cosine of d with a step of the head's training is at most `from`, 1 from `to` on.
/// Source:  this project. A text's step is not one vector in dense features: a constant vector explains a tenth to a
///          third of the true steps of a picture filter, a prediction from the picture most of it.
/// Facts:   the term sees plain images, not views; a head that predicts 0 pulls the images to the anchor's.
/// Errors:  an encoder without a head, where one is required.
struct LearnedStep {
  static constexpr std::string_view name = "learned";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  double from = 0.6, to = 0.8;
  bool required = true;  // that the encoder has a head; else the term is 0 without one, and says so when it is bound

  /// Returns k for the largest cosine of a text step with those of the training.
  double share_of(double familiarity) const { return std::clamp((familiarity - from) / (to - from), 0.0, 1.0); }

  template <TextImageEncoder E, class S>
  auto bind(const E& encoder, const S& /*shift*/, const Endpoints& ends) const {
    const StepHead* head = head_of(encoder);
    require(head != nullptr || !required,
            "the term learned needs an encoder whose file holds a step head: bind it to one (encoder=INDEX), or train "
            "one with pretrain_steps");
    require(from < to, "the term learned: from is ", from, " and to ", to, ", expected from < to");
    if (head == nullptr) std::cerr << "note: the encoder has no step head, so that the term learned does nothing\n";
    const auto direction = unit(ends.direction).detach();
    const double known = head == nullptr ? 0 : share_of(head->familiarity(direction));
    return [direction, known, head, key = std::make_shared<const char>()](auto& c) -> Tensor {
      if constexpr (SteppingEncoder<E>)
        if (known > 0) {
          const auto targets = [&] { return wanted(c.encoder(), *head, c.anchor_images(), direction); };
          return known * distance(c.encoder(), *head, c.adapted_images(), c.of_anchor(key.get(), targets));
        }
      return c.adapted_images().sum() * 0;
    };
  }

 private:
  /// Returns where the anchor's features should go, f_l(anchor) / s_l + P_l(anchor, d), with a direction [1, E] of unit
  /// length.
  template <SteppingEncoder E>
  static std::vector<Tensor> wanted(const E& encoder, const StepHead& head, const Tensor& anchor,
                                    const Tensor& direction) {
    auto out = head(anchor, direction);
    const auto before = stepping_features(encoder, head, anchor);
    for (std::size_t l = 0; l < out.size(); ++l)
      out[l] = before[l] / head.scale()[static_cast<std::int64_t>(l)] + out[l];
    return out;
  }

  /// Returns mean_l mean (f_l(adapted) / s_l - wanted_l)^2.
  template <SteppingEncoder E>
  static Tensor distance(const E& encoder, const StepHead& head, const Tensor& adapted,
                         const std::vector<Tensor>& wanted) {
    const auto now = stepping_features(encoder, head, adapted);
    Tensor sum;
    for (std::size_t l = 0; l < wanted.size(); ++l) {
      const auto of_level = (now[l] / head.scale()[static_cast<std::int64_t>(l)] - wanted[l]).square().mean();
      sum = sum.defined() ? sum + of_level : of_level;
    }
    return sum / static_cast<double>(wanted.size());
  }

  template <TextImageEncoder E>
  static const StepHead* head_of(const E& encoder) {
    if constexpr (SteppingEncoder<E>) return encoder.step_head();
    return nullptr;
  }
};

}  // namespace nada
