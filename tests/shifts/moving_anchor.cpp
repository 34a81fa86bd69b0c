#include <boost/test/unit_test.hpp>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/term.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/moving_anchor.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(shifts_moving_anchor)

using namespace nada;

namespace {

static_assert(MovingShift<MovingAnchor<FixedShift>> && !TextualShift<MovingAnchor<FixedShift>> &&
              TextualShift<MovingAnchor<TextShift>>);

using Shift = MovingAnchor<ImageShift>;
using Run = Adaptation<test::TinyGenerator, test::Encoders, Shift, Objective<Directional>, NamedLayers>;

Run make_run(std::int64_t every = 3) {
  return Run(test::TinyGenerator(1), test::one_encoder(), Shift(ImageShift(test::random({2, 3, 8, 8}, 40), 6), every),
             weigh(1.0, Directional{}), test::convolutions, {}, {}, {}, test::settings());
}

}  // namespace

BOOST_AUTO_TEST_CASE(moves_after_every_n_steps_but_not_at_the_start) {
  const MovingAnchor shift(FixedShift{}, 3);
  for (std::int64_t step = 0; step < 10; ++step)
    BOOST_TEST(shift.moves_anchor(step) == (step == 3 || step == 6 || step == 9));
  BOOST_TEST(error_of([] { MovingAnchor(FixedShift{}, 0); }).find("every 0 steps") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_adapted_generator_becomes_the_anchor_as_it_was_then_and_endpoints_are_made_again) {
  auto run = make_run();
  for (int i = 0; i < 3; ++i) run.step();
  test::check_same_bits(test::slots_of(run.anchor()), test::slots_of(run.source()));
  const auto then = test::slots_of(run.adapted());
  const auto before = run.endpoints().front();
  run.step();
  test::check_same_bits(test::slots_of(run.anchor()), then);
  BOOST_TEST(!test::moved_layers(run.anchor(), run.adapted()).empty());
  const auto after = run.endpoints().front();
  BOOST_TEST_REQUIRE(run.endpoints().size() == 1U);
  BOOST_TEST(test::same_bits(before.target, after.target));
  BOOST_TEST(!test::same_bits(before.source, after.source));
  run.step();
  test::check_same_bits(test::slots_of(run.anchor()), then);  // until step 6
}

BOOST_AUTO_TEST_CASE(a_resumed_run_goes_on_bit_for_bit_with_the_anchor_that_it_had) {
  for (const int stop : {3, 4, 6}) {  // when the anchor is due, has moved, is due again
    const TemporaryFolder folder;
    auto whole = make_run(), first = make_run(), second = make_run();
    for (int i = 0; i < 8; ++i) whole.step();
    for (int i = 0; i < stop; ++i) first.step();
    save_state(folder / "state.safetensors", first.state());
    second.restore(load_state(folder / "state.safetensors"));
    while (second.steps_done() < 8) second.step();
    test::check_same_bits(test::slots_of(second.adapted()), test::slots_of(whole.adapted()));
    test::check_same_bits(test::slots_of(second.anchor()), test::slots_of(whole.anchor()));
  }
}

BOOST_AUTO_TEST_CASE(a_state_from_before_the_anchor_moved_brings_its_endpoints_back) {
  auto run = make_run();
  const auto before = run.endpoints().front();
  const auto early = run.state();
  while (run.steps_done() < 5) run.step();
  BOOST_TEST(!test::same_bits(run.endpoints().front().source, before.source));
  run.restore(early);
  BOOST_TEST(test::same_bits(run.endpoints().front().source, before.source));
  test::check_same_bits(test::slots_of(run.anchor()), test::slots_of(run.source()));
}

BOOST_AUTO_TEST_SUITE_END()
