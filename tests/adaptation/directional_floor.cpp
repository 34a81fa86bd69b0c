// Adaptation, third part: what the floor of Directional is for.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_directional_floor)

using namespace nada;
using namespace nada::test;

namespace {

/// On the tiny models (not on the avatars): what the floor of `min_length` is for.
struct WithFloor {
  double gradient = 0;         // norm at the first step
  std::vector<double> losses;  // 150 steps
  double moved = 0;            // norm of what the leaves moved from step 10 on
  double length = 0;           // mean |dI| at the end

  explicit WithFloor(double floor) {
    const TinyGenerator source(1);
    auto start =
        source.clone();  // with one noise the images agree exactly; this stands for the official code's second noise
    for (std::size_t k = 0; k < start.layers().size(); ++k)
      for (std::size_t s = 0; s < start.layers()[k].slots.size(); ++s)
        start.use(k, s, start.slot(k, s) * (1 + 1e-7 * test::random(start.slot(k, s).sizes(), 10 * k + s)));
    auto options = settings();
    options.adam.rate = 0.01;
    const auto images = source.synthesize(source.map(latents(0, 0, 16), {}), {}).clamp(-1, 1);
    const auto from = encoder().see(images, {}).unit.mean(0, true);  // so that the direction can be followed
    const FixedShift shift{test::endpoints_between(from, test::random({1, features}, 22))};
    const auto objective = weigh(1, Directional{.min_length = floor}) + weigh(0, Global{}) + weigh(0, Watch{});
    Run<> run(source, one_encoder(), shift, objective, convolutions, {}, {}, {}, options, {}, start);
    std::vector<Tensor> at_ten;
    for (int i = 0; i < 150; ++i) {
      losses.push_back(run.step().loss);
      if (i == 0)
        for (const auto& [name, moments] : run.moments()) gradient += test::number(moments.second.sum()) / 0.01;
      if (i == 9) at_ten = slots_of(run.adapted());
    }
    gradient = std::sqrt(gradient);
    const auto end = slots_of(run.adapted());
    for (std::size_t i = 0; i < end.size(); ++i) moved += test::number((end[i] - at_ten[i]).square().sum());
    moved = std::sqrt(moved);
    const auto w = source.map(latents(0, 0, 16), {});
    const auto step =
        encoder().see(run.adapted().synthesize(w, {}).clamp(-1, 1), {}).unit - encoder().see(images, {}).unit;
    length = test::number(step.norm(2, 1).mean());
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(without_its_floor_the_first_gradient_is_huge_and_the_run_stands_still_with_it_it_arrives) {
  const WithFloor with(0.2), without(0);
  BOOST_TEST_MESSAGE("first gradient " << with.gradient << " and " << without.gradient << ", moved " << with.moved
                                       << " and " << without.moved << ", |dI| " << with.length << " and "
                                       << without.length << ", loss after 50 steps " << with.losses[49] << " and "
                                       << without.losses[49]);
  BOOST_TEST(with.gradient < 50);
  BOOST_TEST(without.gradient > 1e5);
  BOOST_TEST(with.losses[49] < 0.1);
  BOOST_TEST(without.moved < 0.01 * with.moved);
  BOOST_TEST(with.length > 0.2);
  BOOST_TEST(without.length < 0.5 * with.length);
}

BOOST_AUTO_TEST_CASE(without_its_floor_equal_images_stop_the_run_at_the_first_step) {
  const auto objective = weigh(1, Directional{.min_length = 0}) + weigh(0, Global{}) + weigh(0, Watch{});
  Run<> run(TinyGenerator(1), one_encoder(), shift(), objective, convolutions, {}, {}, {}, settings());
  BOOST_TEST(error_of([&] { run.step(); }).find("step 1: the term directional is ") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
