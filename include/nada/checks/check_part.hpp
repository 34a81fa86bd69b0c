/// Checks a part of one's own: one call in a test of any kind, which throws Error with one sentence where a rule of the
/// part's concept does not hold.
///     nada::check_part(MyLoss{});                         nada::check_part(MyLoss{}, MyEncoder{}, shift);
///     nada::check_part(MySelector{});                     nada::check_part(MySelector{}, my_generator);
///     nada::check_part(MyParameterization{});             nada::check_part(MyParameterization{}, my_generator);
///     nada::check_part(MyEncoder{});                      nada::check_part(MyEncoder{}, {"a text", "another"});
///     nada::check_part(MyOptimizer{});
///     nada::check_part(my_generator);                     nada::check_part(my_generator, labels);
/// The headers beside this one say what is checked. What is not given is one of checks/small_models.hpp, in float64.
#pragma once
#include "nada/adaptation/parts.hpp"
#include "nada/checks/check_encoder.hpp"
#include "nada/checks/check_generator.hpp"
#include "nada/checks/check_optimizer.hpp"
#include "nada/checks/check_parameterization.hpp"
#include "nada/checks/check_selector.hpp"
#include "nada/checks/check_term.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/selector.hpp"
#include "nada/training/optimizer.hpp"

namespace nada {

/// Explains what is missing in a type that models no concept.
template <class Part, class... More>
requires(!Term<Part> && !LayerSelector<Part> && !Parameterization<Part> && !Generator<Part> &&
         !TextImageEncoder<Part> && !Optimizer<Part>) void check_part(const Part&, const More&...) {
  static_assert(detail::no_part<Part>,
                "check_part: this is no term, layer selector, parameterization, generator, encoder or optimizer; "
                "`static_assert(nada::explain_term<Part>())`, and so on with explain_selector, "
                "explain_parameterization, explain_generator, explain_encoder and explain_optimizer, says what is "
                "missing (docs/policies.md)");
}

}  // namespace nada
