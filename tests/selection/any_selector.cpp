#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/any_selector.hpp"
#include "nada/selection/by_change.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/gradient_top_k.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/random_k.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(selection_any_selector)

using namespace nada;

namespace {

static_assert(LayerSelector<AnySelector> && !Stateful<AnySelector> && Stateful<Every<AnySelector>>);

/// A run on the tiny models, for its probe: mapping.0, const, conv.4.0, rgb.4, conv.8.0, conv.8.1, rgb.8.
const test::Run<>& a_run() {
  static const test::Run<> run(test::TinyGenerator(1), test::one_encoder(), test::shift(), test::terms(1),
                               test::convolutions, {}, {}, {}, test::settings());
  return run;
}

template <class S>
LayerSet choice(S selector, std::int64_t step = 0) {
  return selector.select(a_run().probe(Stream{3, step}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(names_choose_what_the_selectors_of_these_names_choose) {
  const auto same = [](const std::string& name, const auto& part) {
    for (std::int64_t step = 0; step < 4; ++step)
      BOOST_TEST(choice(AnySelector::named(name), step) == choice(part, step), boost::test_tools::per_element());
  };
  same("all", AllLayers{});
  same("adaptive", AdaptiveTopK{});
  same("adaptive:1", AdaptiveTopK{.k = 1});
  same("adaptive:1/3", AdaptiveTopK{.k = 1});  // three styles are read
  same("random:2/3", RandomK{});
  same("gradient:1/9", GradientTopK{.k = 1});  // at least one
  same("gradient", GradientTopK{});
  same("gradient:1", GradientTopK{.k = 1});
  same("random", RandomK{});
  same("random:2", RandomK{.k = 2});
  same("most-changed:2", AllLayers{});  // at first
  same("least-changed", LeastChanged{});
  same("least-changed:1", LeastChanged{.k = 1});
  same("coarse", NamedLayers{{"coarse"}});
  same("phase:texture", NamedLayers{{"phase:texture"}});
  same("conv.8.1,rgb.4,constant", NamedLayers{{"conv.8.1", "rgb.4", "constant"}});
  BOOST_TEST((choice(AnySelector::named("conv.8.1,rgb.4,constant")) == LayerSet{1, 3, 5}));
  BOOST_TEST(choice(AnySelector(OfficialIndex(AdaptiveTopK{.k = 2}))) == choice(OfficialIndex(AdaptiveTopK{.k = 2})),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_a_name_all_layers_train) {
  BOOST_TEST(choice(AnySelector{}) == choice(AllLayers{}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_count_behind_the_name_is_how_many_are_chosen) {
  BOOST_TEST(std::get<AdaptiveTopK>(AnySelector::named("adaptive:12").choice()).k == 12U);
  BOOST_TEST(std::get<GradientTopK>(AnySelector::named("gradient:3").choice()).k == 3U);
  BOOST_TEST(std::get<RandomK>(AnySelector::named("random:1").choice()).k == 1U);
  BOOST_TEST(std::get<RandomK>(AnySelector::named("random").choice()).k == 0U);  // two thirds
  const auto most = std::get<MostChanged>(AnySelector::named("most-changed:4/9").choice());
  BOOST_TEST((most.k == 4U && most.of == 9U && most.all_until == 10));
  BOOST_TEST(std::get<LeastChanged>(AnySelector::named("least-changed:4").choice()).k == 4U);
  for (const std::string name : {"adaptive", "gradient", "random", "most-changed", "least-changed"})
    for (const std::string bad : {"0", "", "x", "2x", "-1", " 2", "1.5", "99999999999999999999999"})
      BOOST_TEST(error_of([&] { AnySelector::named(name + ":" + bad); }) ==
                 "option layers: " + name + ":K or " + name + ":K/N needs whole numbers from 1, found '" + bad + "'");
}

BOOST_AUTO_TEST_CASE(choices_that_depend_on_the_step_change_and_those_by_name_do_not) {
  for (const auto* still : {"all", "convolution", "conv.4.0,rgb.8", "phase:shape"})
    BOOST_TEST(!AnySelector::named(still).changes(), still);
  for (const auto* moving : {"adaptive", "adaptive:2", "gradient", "random:1", "most-changed", "least-changed:3"})
    BOOST_TEST(AnySelector::named(moving).changes(), moving);
  BOOST_TEST(!AnySelector{}.changes());
  BOOST_TEST(AnySelector(OfficialIndex(AdaptiveTopK{})).changes());
}

BOOST_AUTO_TEST_CASE(other_names_are_layers_and_refused_where_there_are_none_such) {
  BOOST_TEST(error_of([] { choice(AnySelector::named("adaptively")); }).find("adaptively") != std::string::npos);
  BOOST_TEST(error_of([] { choice(AnySelector::named("")); }) == "NamedLayers: no layer was named");
  BOOST_TEST((choice(AnySelector::named("conv.4.0,")) == LayerSet{2}));
  BOOST_TEST(!error_of([] { choice(AnySelector::named("conv.4.0,,rgb.4")); }).empty());
  BOOST_TEST(error_of([] { choice(AnySelector::named("adaptive:4")); }).find("AdaptiveTopK: k is 4") == 0U);
}

BOOST_AUTO_TEST_CASE(every_keeps_its_choice_for_some_steps) {
  Every<AnySelector> every(3, AnySelector::named("random:1"));
  const RandomK random{.k = 1};
  for (std::int64_t step = 0; step < 9; ++step)
    BOOST_TEST(every.select(a_run().probe(Stream{3, step})) == choice(random, step - step % 3),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
