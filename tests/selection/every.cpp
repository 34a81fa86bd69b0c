#include <boost/test/unit_test.hpp>

#include <memory>

#include "nada/core/stateful.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"

BOOST_AUTO_TEST_SUITE(selection_every)

using namespace nada;

namespace {

/// Chooses the layer whose index is the number of calls so far.
struct Counting {
  std::shared_ptr<int> calls = std::make_shared<int>(0);
  LayerSet select(const Probe&) { return {static_cast<std::size_t>((*calls)++)}; }
};
using EveryCounting = Every<Counting>;
static_assert(LayerSelector<EveryCounting> && Stateful<EveryCounting> && !Stateful<Counting>);

/// The same, and the number of calls is its state.
struct Remembering {
  double calls = 0;
  LayerSet select(const Probe&) { return {static_cast<std::size_t>(calls++)}; }
  TensorMap state() const { return {{"calls", torch::tensor(calls, torch::kFloat64)}}; }
  void restore(const TensorMap& state) { calls = state.at("calls").item<double>(); }
};

template <class S>
std::size_t choice(Every<S>& selector, std::int64_t step) {
  Probe probe;
  probe.stream = {0, step};
  return selector.select(probe).at(0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(asks_at_steps_0_n_2n_and_repeats_the_answer_between) {
  const Counting counting;
  EveryCounting selector(3, counting);
  const std::vector<std::size_t> expected{0, 0, 0, 1, 1, 1, 2, 2};
  for (std::size_t step = 0; step < expected.size(); ++step)
    BOOST_TEST(choice(selector, static_cast<std::int64_t>(step)) == expected[step]);
  BOOST_TEST(*counting.calls == 3);
}

BOOST_AUTO_TEST_CASE(asks_at_its_first_step_wherever_that_is) {
  EveryCounting selector(3);
  BOOST_TEST(choice(selector, 4) == 0U);
  BOOST_TEST(choice(selector, 5) == 0U);
  BOOST_TEST(choice(selector, 6) == 1U);
}

BOOST_AUTO_TEST_CASE(a_restored_state_goes_on_as_if_never_interrupted) {
  const Counting counting;
  *counting.calls = 5;
  EveryCounting selector(3, counting), resumed(3, counting);
  choice(selector, 3);
  resumed.restore(selector.state());
  BOOST_TEST(choice(resumed, 4) == 5U);
  BOOST_TEST(choice(resumed, 5) == 5U);
  BOOST_TEST(choice(resumed, 6) == 6U);
  BOOST_TEST(EveryCounting(3).state().at("chosen").numel() == 0);
  BOOST_TEST(error_of([&] { resumed.restore({}); }) == "it does not say which layers were chosen");
  BOOST_TEST(error_of([] { EveryCounting(0); }) == "Every: layers are chosen every 0 steps, expected at least 1");
}

BOOST_AUTO_TEST_CASE(keeps_what_the_selector_inside_remembers) {
  for (const std::int64_t n : {1, 3}) {
    Every<Remembering> whole(n);
    for (std::int64_t step = 0; step < 8; ++step) {
      Every<Remembering> resumed(n);
      resumed.restore(whole.state());
      const auto chosen = choice(whole, step);
      BOOST_TEST(choice(resumed, step) == chosen);
      BOOST_TEST(chosen == static_cast<std::size_t>(step / n));
    }
  }
  BOOST_TEST((Every<Remembering>(3).state().count("inner.calls") == 1U));
}

BOOST_AUTO_TEST_CASE(takes_the_options_of_the_selector_inside) {
  const test::HandMadeProbe made({3, -4, 0.5});
  Every selector{10, AdaptiveTopK{.k = 1}};
  BOOST_TEST((selector.select(made.probe) == test::HandMadeProbe::convolutions({1})));
}

BOOST_AUTO_TEST_SUITE_END()
