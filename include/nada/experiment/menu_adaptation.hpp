/// An adaptation whose parts are named at run time.
#pragma once
#include <memory>
#include <optional>

#include "nada/adaptation/official_training.hpp"
#include "nada/adaptation/parts.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/losses/any_term.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/selection/any_selector.hpp"
#include "nada/selection/every.hpp"
#include "nada/shifts/any_shift.hpp"
#include "nada/views/any_views.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// MenuParts hold one choice of each menu.
using MenuParts = AdaptationParts<AnyGenerator, Members<AnyClip>, AnyShift, TermList, Every<AnySelector>,
                                  AnyParameterization, AnyViews, EarlyExit>;

/// Makes the adaptation of these parts: one of two Adaptation types, with this project's training or, where `official`
/// is given, the official one. Experiments that replace a part make an Adaptation of their own of it.
std::unique_ptr<Stepper> make_adaptation(MenuParts parts, std::optional<OfficialTraining> official = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/menu_adaptation.ipp"
#endif
