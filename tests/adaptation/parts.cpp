#include <boost/test/unit_test.hpp>

#include <string_view>
#include <type_traits>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/parts.hpp"
#include "nada/losses/any_term.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/views/crop_views.hpp"
#include "support/tiny.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_parts)

using namespace nada;

namespace {

using Parts = AdaptationParts<test::TinyGenerator, test::Encoders, TextShift, TermList, NamedLayers, FullWeights, Plain,
                              FullSize>;
Parts parts() {
  TermList terms;
  terms.add({1.0, {Directional{}}});
  return {test::TinyGenerator(1),
          test::one_encoder(),
          TextShift("a person", "a ghost"),
          terms,
          test::convolutions,
          {},
          {},
          {},
          test::settings()};
}
/// A part of one's own.
struct FirstLayer {
  LayerSet select(const Probe& probe) const { return {probe.candidates.front()}; }
};

template <class A>
double loss_of_second_step(A& adaptation) {
  adaptation.step();
  return adaptation.step().loss;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_adaptation_of_parts_is_the_adaptation_of_the_same_arguments) {
  Adaptation by_parts{parts()};
  Adaptation by_arguments{test::TinyGenerator(1),
                          test::one_encoder(),
                          TextShift("a person", "a ghost"),
                          weigh(1.0, Directional{}),
                          test::convolutions,
                          FullWeights{},
                          Plain{},
                          FullSize{},
                          test::settings()};
  BOOST_TEST(loss_of_second_step(by_parts) == loss_of_second_step(by_arguments));
}

BOOST_AUTO_TEST_CASE(the_concept_that_a_part_models_says_what_it_replaces) {
  const auto p = parts();
  static_assert(std::is_same_v<decltype(p.with(FirstLayer{}).selector), FirstLayer>);
  static_assert(std::is_same_v<decltype(p.with(AffineOnly{}).parameterization), AffineOnly>);
  static_assert(std::is_same_v<decltype(p.with(CropViews{}).views), CropViews>);
  static_assert(std::is_same_v<decltype(p.with(EarlyExit{4}).exit), EarlyExit>);
  static_assert(std::is_same_v<decltype(p.with(weigh(1.0, Global{})).objective), Objective<Global>>);
  static_assert(std::is_same_v<decltype(p.with(test::TinyGenerator(2)).source), test::TinyGenerator>);
  static_assert(std::is_same_v<decltype(p.with(FixedShift{}).shift), FixedShift>);
  using Pair = Ensemble<test::LinearEncoder, test::PixelEncoder>;
  static_assert(std::is_same_v<decltype(p.with(Pair{{test::encoder(), 1.0}, {{}, 1.0}}).encoders), Pair>);
  static_assert(std::is_same_v<decltype(p.with(FirstLayer{}).views), Plain>);

  Adaptation adaptation{p.with(FirstLayer{})};
  BOOST_TEST(adaptation.step().chosen == LayerSet{adaptation.candidates().front()}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(terms_that_are_added_stand_beside_those_of_the_options) {
  const test::Watch brightness{[](const Scene& scene) { return scene.adapted_images.square().mean(); }};
  Adaptation adaptation{parts().plus(weigh(2.0, brightness))};
  BOOST_TEST((adaptation.term_names() == std::vector<std::string_view>{"directional", "watch"}));
  const auto report = adaptation.step();
  BOOST_TEST(report.terms[1].second > 0);
  BOOST_TEST(report.loss == report.terms[0].second + 2 * report.terms[1].second, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_SUITE_END()
