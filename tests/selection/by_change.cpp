#include "nada/selection/by_change.hpp"

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "nada/core/stateful.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(selection_by_change)

using namespace nada;
using test::HandMadeProbe;

static_assert(LayerSelector<MostChanged> && LayerSelector<LeastChanged>);
static_assert(!Stateful<MostChanged> && !Stateful<LeastChanged>);

namespace {

/// Four convolutions that have moved by 0.2, 0.9, 0.3 and 0.3; nothing else may be asked.
struct Moved : HandMadeProbe {
  Moved() : HandMadeProbe({1, 1, 1, 1}) {
    const std::map<std::size_t, double> changes{
        {convolution(0), 0.2}, {convolution(1), 0.9}, {convolution(2), 0.3}, {convolution(3), 0.3}};
    probe.change = [changes](std::size_t k) { return changes.at(k); };
    probe.global_loss = nullptr;
    probe.weight = nullptr;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(chooses_the_convolutions_that_moved_most_or_least_and_of_equal_ones_the_coarser) {
  const Moved made;
  const auto most = [&](std::size_t k) { return MostChanged{.k = k}.select(made.probe); };
  const auto least = [&](std::size_t k) { return LeastChanged{.k = k}.select(made.probe); };
  BOOST_TEST((most(1) == HandMadeProbe::convolutions({1})));
  BOOST_TEST((most(2) == HandMadeProbe::convolutions({1, 2})));
  BOOST_TEST((most(3) == HandMadeProbe::convolutions({1, 2, 3})));
  BOOST_TEST((least(1) == HandMadeProbe::convolutions({0})));
  BOOST_TEST((least(2) == HandMadeProbe::convolutions({0, 2})));
  BOOST_TEST((least(4) == HandMadeProbe::convolutions({0, 1, 2, 3})));
}

BOOST_AUTO_TEST_CASE(counts_layers_as_the_other_selectors_do) {
  const Moved made;
  BOOST_TEST(MostChanged{}.select(made.probe).size() == 3U);  // two thirds
  BOOST_TEST((MostChanged{.k = 1, .of = 2}.select(made.probe) == HandMadeProbe::convolutions({1, 2})));
  BOOST_TEST((LeastChanged{.k = 1, .of = 9}.select(made.probe) == HandMadeProbe::convolutions({0})));
  BOOST_TEST(error_of([&] { MostChanged{.k = 5}.select(made.probe); }).find("MostChanged: k is 5") == 0U);
  BOOST_TEST(error_of([&] { LeastChanged{.k = 5}.select(made.probe); }).find("LeastChanged: k is 5") == 0U);
}

BOOST_AUTO_TEST_CASE(all_convolutions_train_until_a_step_if_asked_for) {
  Moved made;
  const MostChanged selector{.k = 1, .all_until = 10};
  for (const std::int64_t step : {0, 9, 10, 11}) {
    made.probe.stream.step = step;
    BOOST_TEST((selector.select(made.probe) ==
                (step < 10 ? AllLayers{}.select(made.probe) : HandMadeProbe::convolutions({1}))));
  }
}

// The convolutions of the tiny generator are the layers 2, 4 and 5.

BOOST_AUTO_TEST_CASE(at_the_start_of_a_run_the_coarsest_are_chosen_and_what_moved_most_stays) {
  test::Run<test::Terms, MostChanged> run(test::TinyGenerator(1), test::one_encoder(), test::shift(), test::terms(1),
                                          MostChanged{.k = 2}, {}, {}, {}, test::settings());
  for (int i = 0; i < 4; ++i) BOOST_TEST((run.step().chosen == LayerSet{2, 4}));
}

BOOST_AUTO_TEST_CASE(of_layers_that_all_train_those_that_moved_most_go_on) {
  test::Run<test::Terms, Every<MostChanged>> run(test::TinyGenerator(1), test::one_encoder(), test::shift(),
                                                 test::terms(1), Every{3, MostChanged{.k = 1, .all_until = 3}}, {}, {},
                                                 {}, test::settings());
  for (int i = 0; i < 3; ++i) BOOST_TEST((run.step().chosen == LayerSet{2, 4, 5}));
  const auto probe = run.probe(Stream{});
  std::size_t furthest = 2;
  for (const std::size_t k : {4U, 5U})
    if (probe.change(k) > probe.change(furthest)) furthest = k;
  BOOST_TEST((run.step().chosen == LayerSet{furthest}));
}

BOOST_AUTO_TEST_CASE(layers_that_moved_least_take_turns) {
  test::Run<test::Terms, LeastChanged> run(test::TinyGenerator(1), test::one_encoder(), test::shift(), test::terms(1),
                                           LeastChanged{.k = 1}, {}, {}, {}, test::settings());
  std::vector<LayerSet> chosen;
  for (int i = 0; i < 3; ++i) chosen.push_back(run.step().chosen);
  BOOST_TEST((chosen == std::vector<LayerSet>{{2}, {4}, {5}}));
}

BOOST_AUTO_TEST_CASE(a_share_of_no_layer_is_refused) {
  Moved made;
  made.probe.candidates.clear();
  for (const auto* const said : {"MostChanged: no convolution can train", "LeastChanged: no convolution can train"}) {
    const bool most = said[0] == 'M';
    BOOST_TEST(error_of([&] {
                 most ? MostChanged{.k = 8, .of = 9}.select(made.probe)
                      : LeastChanged{.k = 8, .of = 9}.select(made.probe);
               }) == said);
  }
  BOOST_TEST(error_of([&] { AdaptiveTopK{.k = 8, .of = 9}.select(made.probe); }) ==
             "AdaptiveTopK: no convolution can train");
}

BOOST_AUTO_TEST_SUITE_END()
