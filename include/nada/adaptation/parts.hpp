/// The parts of an adaptation as one value, in which single parts can be replaced.
#pragma once
#include <type_traits>
#include <utility>

#include "nada/adaptation/settings.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/training/optimizer.hpp"
#include "nada/views/views.hpp"

namespace nada {

namespace detail {
/// Whether S is a Shift for an encoder of a set. Sets of other kinds than ours are asked when the adaptation is made.
template <class S, class Es>
struct shifts_in : std::false_type {};
template <class S, class E>
struct shifts_in<S, Members<E>> : std::bool_constant<Shift<S, E>> {};
template <class S, class E, class... Es>
struct shifts_in<S, Ensemble<E, Es...>> : std::bool_constant<Shift<S, E>> {};

template <class>
inline constexpr bool no_part = false;
}  // namespace detail

/// AdaptationParts hold what an Adaptation is made of: Adaptation adaptation{parts}. Program options make such parts
/// (AdaptOptions::parts), and an experiment replaces those that are its own:
///     Adaptation adaptation{options.parts().plus(0.2 * MyTerm{}).with(MySelector{})};
template <class G, class Es, class S, class O, class Sel, class P, class V, class X>
struct AdaptationParts {
  G source;
  Es encoders;
  S shift;
  O objective;
  Sel selector;
  P parameterization;
  V views;
  X exit;
  AdaptationSettings settings;

  /// Returns these parts with one replaced: the one whose concept `Part` models (docs/policies.md).
  template <class Part>
  auto with(Part part) const {
    if constexpr (detail::ObjectiveOf<Part>) {
      return make(source, encoders, shift, std::move(part), selector, parameterization, views, exit);
    } else if constexpr (LayerSelector<Part>) {
      return make(source, encoders, shift, objective, std::move(part), parameterization, views, exit);
    } else if constexpr (Optimizer<Part> || std::is_same_v<Part, AnyOptimizer>) {
      auto out = *this;
      out.settings.optimizer = std::move(part);
      return out;
    } else if constexpr (Parameterization<Part>) {
      return make(source, encoders, shift, objective, selector, std::move(part), views, exit);
    } else if constexpr (Views<Part>) {
      return make(source, encoders, shift, objective, selector, parameterization, std::move(part), exit);
    } else if constexpr (Exit<Part>) {
      return make(source, encoders, shift, objective, selector, parameterization, views, std::move(part));
    } else if constexpr (Generator<Part>) {
      return make(std::move(part), encoders, shift, objective, selector, parameterization, views, exit);
    } else if constexpr (detail::shifts_in<Part, Es>::value) {
      return make(source, encoders, std::move(part), objective, selector, parameterization, views, exit);
    } else if constexpr (EncoderSet<Part>) {
      return make(source, std::move(part), shift, objective, selector, parameterization, views, exit);
    } else {
      static_assert(
          detail::no_part<Part>,
          "AdaptationParts: with() takes an objective, a shift, a selector, an optimizer, a parameterization, "
          "views, an exit, a generator or an encoder set; this type models none of their concepts (docs/policies.md)");
    }
  }

  /// Returns these parts with the terms of `more`, an objective, beside those that are there.
  template <class More>
  auto plus(More more) const {
    static_assert(detail::ObjectiveOf<More>,
                  "AdaptationParts: plus() takes weighed terms, such as weigh(0.2, MyTerm{})");
    return with(JoinedObjectives<O, More>{objective, std::move(more)});
  }

 private:
  template <class... Ts>
  AdaptationParts<Ts...> make(Ts... parts) const {
    return {std::move(parts)..., settings};
  }
};

}  // namespace nada
