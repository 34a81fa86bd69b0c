// Bodies of menu_adaptation.hpp.
#pragma once
#include "nada/experiment/menu_adaptation.hpp"

#include <utility>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/training_policy.hpp"
#include "nada/core/config.hpp"

namespace nada {

namespace detail {
template <class Training>
std::unique_ptr<Stepper> adaptation_with(AdaptationParts parts, Training training) {
  using Type = Adaptation<AnyGenerator, Members<AnyClip>, TextShift, TermList, Every<AnySelector>, AnyParameterization,
                          AnyViews, EarlyExit, Training>;
  return std::make_unique<Type>(std::move(parts.source), std::move(parts.encoders), std::move(parts.shift),
                                std::move(parts.terms), std::move(parts.selector), std::move(parts.parameterization),
                                std::move(parts.views), parts.exit, std::move(parts.settings), std::move(training));
}
}  // namespace detail

NADA_INLINE std::unique_ptr<Stepper> make_adaptation(AdaptationParts parts) {
  if (auto official = parts.official) return detail::adaptation_with(std::move(parts), std::move(*official));
  return detail::adaptation_with(std::move(parts), OwnTraining{});
}

}  // namespace nada
