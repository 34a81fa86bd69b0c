#include <boost/test/unit_test.hpp>

#include <map>

#include "nada/generators/generator.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/random_k.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"

BOOST_AUTO_TEST_SUITE(selection_random_k)

using namespace nada;
using test::HandMadeProbe;

static_assert(LayerSelector<RandomK> && LayerSelector<Every<RandomK>>);

BOOST_AUTO_TEST_CASE(chooses_k_convolutions_the_same_for_the_same_step) {
  HandMadeProbe made({1, 1, 1, 1, 1, 1});
  for (std::int64_t step = 0; step < 20; ++step) {
    made.probe.stream = {3, step};
    const auto chosen = RandomK{.k = 4}.select(made.probe);
    BOOST_TEST(chosen.size() == 4U);
    BOOST_TEST(std::is_sorted(chosen.begin(), chosen.end()));
    for (const auto k : chosen) BOOST_TEST((made.layers[k].kind == LayerKind::convolution));
    BOOST_TEST(chosen == RandomK{.k = 4}.select(made.probe), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(every_pair_of_layers_comes_equally_often) {
  HandMadeProbe made({1, 1, 1, 1});
  std::map<LayerSet, int> counts;
  for (std::int64_t step = 0; step < 1200; ++step) {
    made.probe.stream = {5, step};
    ++counts[RandomK{.k = 2}.select(made.probe)];
  }
  BOOST_TEST(counts.size() == 6U);
  for (const auto& [pair, count] : counts) {  // 200 expected, deviation 13
    BOOST_TEST(count > 150);
    BOOST_TEST(count < 250);
  }
}

BOOST_AUTO_TEST_CASE(zero_means_two_thirds_and_too_many_is_an_error_that_names_it) {
  const HandMadeProbe made({1, 1, 1, 1, 1, 1});
  BOOST_TEST(RandomK{}.select(made.probe).size() == 4U);
  BOOST_TEST(error_of([&] { RandomK{.k = 7}.select(made.probe); }).find("RandomK: k is 7") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
