#include <boost/test/unit_test.hpp>

#include "nada/core/stateful.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"

BOOST_AUTO_TEST_SUITE(selection_named_layers)

using namespace nada;
using test::HandMadeProbe;

static_assert(LayerSelector<NamedLayers> && !Stateful<NamedLayers>);

BOOST_AUTO_TEST_CASE(chooses_layers_by_name_sorted_and_each_once) {
  const HandMadeProbe made({1, 1});
  const NamedLayers selector{{"rgb.0", "mapping.0", "conv.1", "rgb.0"}};
  const LayerSet expected{0, HandMadeProbe::rgb(0), HandMadeProbe::convolution(1)};
  BOOST_TEST(selector.select(made.probe) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(chooses_all_candidates_of_a_kind) {
  HandMadeProbe made({1, 1});
  BOOST_TEST(NamedLayers{{"convolution"}}.select(made.probe) == HandMadeProbe::convolutions({0, 1}),
             boost::test_tools::per_element());
  made.probe.candidates.pop_back();  // rgb.1
  BOOST_TEST((NamedLayers{{"rgb", "constant"}}.select(made.probe) == LayerSet{1, HandMadeProbe::rgb(0)}));
}

BOOST_AUTO_TEST_CASE(a_name_that_is_none_is_an_error_that_lists_the_layers) {
  const HandMadeProbe made({1});
  BOOST_TEST(
      error_of([&] {
        NamedLayers{{"conv.0", "conv.9"}}.select(made.probe);
      })
          .starts_with(
              "there is no layer 'conv.9'; the layers are mapping.0, const, conv.0, rgb.0; besides, there are the "
              "kinds mapping, constant, convolution and rgb, the groups coarse"));
}

BOOST_AUTO_TEST_CASE(a_layer_above_the_exit_is_an_error_that_names_it) {
  HandMadeProbe made({1, 1});
  made.probe.candidates.resize(4);
  BOOST_TEST(error_of([&] { NamedLayers{{"conv.1"}}.select(made.probe); }) ==
             "layer conv.1 cannot train here: it lies above the exit, or the parameterization does not cover it");
}

BOOST_AUTO_TEST_CASE(no_name_is_an_error) {
  const HandMadeProbe made({1});
  BOOST_TEST(error_of([&] { NamedLayers{}.select(made.probe); }) == "NamedLayers: no layer was named");
}

BOOST_AUTO_TEST_CASE(groups_are_resolutions_and_phases_ranges_of_the_official_list) {
  HandMadeProbe made({1, 1, 1, 1, 1, 1, 1, 1, 1, 1});  // conv.<k> at 4 << (k / 2) pixels
  const auto named = [&](const std::string& name) { return NamedLayers{{name}}.select(made.probe); };
  BOOST_TEST(named("coarse") == HandMadeProbe::convolutions({0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(named("medium") == HandMadeProbe::convolutions({4, 5, 6, 7}), boost::test_tools::per_element());
  BOOST_TEST(named("fine") == HandMadeProbe::convolutions({8, 9}), boost::test_tools::per_element());
  // the constant, both layers of 4 pixels, then those of 8 pixels and up by their place
  auto shape = HandMadeProbe::convolutions({0, 1, 2, 3}), expanded = HandMadeProbe::convolutions({0, 1, 2, 3, 4});
  auto texture = HandMadeProbe::convolutions({0, 1, 4, 5, 6, 7, 8, 9});
  for (auto* set : {&shape, &expanded, &texture}) set->insert(set->begin(), 1);  // const
  BOOST_TEST(named("phase:shape") == shape, boost::test_tools::per_element());
  BOOST_TEST(named("phase:shape-expanded") == expanded, boost::test_tools::per_element());
  BOOST_TEST(named("phase:texture") == texture, boost::test_tools::per_element());
  BOOST_TEST(named("phase:no-fine").size() == 11U);
}

BOOST_AUTO_TEST_CASE(a_group_without_candidates_is_an_error) {
  const HandMadeProbe made({1, 1, 1});
  BOOST_TEST(error_of([&] { NamedLayers{{"fine"}}.select(made.probe); }).find("no fine convolution") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
