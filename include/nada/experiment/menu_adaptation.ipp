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
std::unique_ptr<Stepper> adaptation_with(MenuParts parts, Training training) {
  using Type = decltype(Adaptation(std::move(parts), std::move(training)));
  return std::make_unique<Type>(std::move(parts), std::move(training));
}
}  // namespace detail

NADA_INLINE std::unique_ptr<Stepper> make_adaptation(MenuParts parts, std::optional<OfficialTraining> official) {
  if (official) return detail::adaptation_with(std::move(parts), std::move(*official));
  return detail::adaptation_with(std::move(parts), OwnTraining{});
}

}  // namespace nada
