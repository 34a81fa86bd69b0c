/// Checks a loss: a term of an objective.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nada/checks/agreement.hpp"
#include "nada/checks/small_models.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

namespace checks {

/// TermBatch is all that a term may read.
struct TermBatch {
  Tensor adapted, anchor, styles;
  std::vector<Leaf> leaves;
  Stream stream = {};
  bool tokens = true;
};
using TermScore = std::function<Tensor(const TermBatch&)>;

/// BoundForm is a term without its type.
struct BoundForm {
  std::string name;
  Reads reads = Reads::nothing;
  bool per_sample = false, sees_scene = false;
  torch::ScalarType type = torch::kFloat64;  // of the images
  std::vector<Endpoints> ends = {};          // to bind the term to
  /// Binds the term. A `token_shift` other than 0 changes the encoder's tokens alone; the small encoder offers it.
  std::function<TermScore(const Endpoints&, double token_shift)> bind = {};
  bool shifts_tokens = false;
};

void check_term(const BoundForm& term);

/// Returns endpoints of several kinds: the shift's, the shift's swapped, and features of images.
template <TextImageEncoder E, class S>
std::vector<Endpoints> several_ends(const E& encoder, const S& shift, torch::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const auto given =
      shift.endpoints(encoder, [type](std::int64_t count) { return random_images(count, 64, 90).to(type); });
  const auto seen = [&](std::uint64_t seed) {
    return unit(encoder.see(random_images(8, 64, seed).to(type), Wanted{}).unit.mean(0, true));
  };
  const auto from = seen(91), to = seen(92);
  return {given, {given.target, given.source, -given.direction}, {from, to, unit(to - from)}};
}

template <class T, TextImageEncoder E, class S>
BoundForm bound_form(const T& term, const E& encoder, const S& shift) {
  BoundForm out{join("the loss ", std::string_view(T::name)), T::reads, T::per_sample};
  if constexpr (SceneTerm<T>) {
    static_assert(!EncoderTerm<T, E, S>, "Term: it binds to encoders and scores a Scene; it must do one of both");
    out.sees_scene = true;
    out.ends.resize(3);
    out.bind = [term](const Endpoints&, double) -> TermScore {
      return [term](const TermBatch& b) { return term(Scene{b.adapted, b.anchor, b.styles, b.leaves}); };
    };
  } else {
    static_assert(
        EncoderTerm<T, E, S>,
        "check_part: the term does not bind to this encoder and shift; give both, check_part(term, encoder, "
        "shift), where it needs others than checks::SmallEncoder and TextShift, or see docs/policies.md#terms");
    out.type = image_type([&](const Tensor& images) { return encoder.see(images, Wanted{}); });
    out.ends = several_ends(encoder, shift, out.type);
    out.shifts_tokens = std::is_same_v<E, SmallEncoder>;
    out.bind = [term, encoder, shift](const Endpoints& ends, double token_shift) -> TermScore {
      auto own = std::make_shared<E>(encoder);
      if constexpr (std::is_same_v<E, SmallEncoder>) own->token_shift = token_shift;
      return [own, score = term.bind(std::as_const(*own), shift, ends)](const TermBatch& b) -> Tensor {
        const Shown adapted{b.adapted, b.adapted}, anchor{b.anchor, b.anchor};
        ComparedBatches<E> batches(*own, adapted, anchor, b.stream, Wanted{b.tokens});
        Comparison<E, T::reads> comparison(batches);
        return score(comparison);
      };
    };
  }
  return out;
}

}  // namespace checks

/// Checks a loss on random images of 48 pixels, under `encoder` and `shift` where the loss binds to encoders.
/// Errors:  the first of these that does not hold, in one sentence:
///          the value is a finite scalar;
///          the same batch gives the same bits again, whatever was scored in between;
///          the value depends on what `reads` declares, and on nothing else;
///          its gradient in the adapted images (and in the leaves, where `reads` has them) agrees with finite differences;
///          with `per_sample`, the value of a batch is the mean of the values of its samples.
template <class T, TextImageEncoder E, class S>
requires Term<T>
void check_part(const T& term, const E& encoder, const S& shift) {
  checks::check_term(checks::bound_form(term, encoder, shift));
}
template <class T>
requires Term<T>
void check_part(const T& term) { check_part(term, checks::SmallEncoder{}, checks::small_shift()); }

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/checks/check_term.ipp"
#endif
