/// An adaptation whose parts are named at run time.
#pragma once
#include <memory>
#include <optional>

#include "nada/adaptation/official_training.hpp"
#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/losses/any_term.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/selection/any_selector.hpp"
#include "nada/selection/every.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/views/any_views.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// AdaptationParts hold one choice of each menu.
struct AdaptationParts {
  AnyGenerator source;
  Members<AnyClip> encoders;
  TextShift shift;
  TermList terms;
  Every<AnySelector> selector;
  AnyParameterization parameterization;
  AnyViews views;
  EarlyExit exit;
  AdaptationSettings settings;
  std::optional<OfficialTraining> official;  // none: OwnTraining
};

/// Makes the adaptation of these parts: one of two Adaptation types, with this project's training or the official one.
std::unique_ptr<Stepper> make_adaptation(AdaptationParts parts);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/menu_adaptation.ipp"
#endif
