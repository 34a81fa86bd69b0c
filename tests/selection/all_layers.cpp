#include <boost/test/unit_test.hpp>

#include "nada/core/stateful.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"

BOOST_AUTO_TEST_SUITE(selection_all_layers)

using namespace nada;
using test::HandMadeProbe;

static_assert(LayerSelector<AllLayers> && !LayerSelector<FullWeights> && !LayerSelector<int> && !Stateful<AllLayers>);

BOOST_AUTO_TEST_CASE(chooses_every_convolution_and_neither_mapping_nor_constant_nor_rgb) {
  const HandMadeProbe made({1, 1, 1});
  BOOST_TEST(AllLayers{}.select(made.probe) == HandMadeProbe::convolutions({0, 1, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(chooses_candidates_only) {
  HandMadeProbe made({1, 1, 1});
  made.probe.candidates = {0, 1, HandMadeProbe::convolution(0), HandMadeProbe::rgb(0), HandMadeProbe::convolution(1)};
  BOOST_TEST(AllLayers{}.select(made.probe) == HandMadeProbe::convolutions({0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(says_so_where_no_convolution_can_train) {
  HandMadeProbe made({1, 1});
  made.probe.candidates = {0, 1, HandMadeProbe::rgb(0)};
  BOOST_TEST(error_of([&] { AllLayers{}.select(made.probe); }) == "AllLayers: no convolution can train");
}

BOOST_AUTO_TEST_SUITE_END()
