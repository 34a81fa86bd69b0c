#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_global, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

static_assert(EncoderTerm<Global, test::LinearEncoder, FixedShift> && !SceneTerm<Global>);

const Endpoints toward_x{test::row({0, 1, 0}), test::row({1, 0, 0}), test::row({0.6, -0.8, 0})};

double of_features(const Tensor& adapted, const Global& term = {}) {
  return test::number(test::evaluate(term, test::PixelEncoder{}, toward_x, test::pixels(adapted)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_zero_at_the_target_one_across_it_and_two_opposite_to_it) {
  BOOST_TEST(of_features(test::row({1, 0, 0})) == 0);
  BOOST_TEST(of_features(test::row({0, 0.6, 0.8})) == 1);
  BOOST_TEST(of_features(test::row({-1, 0, 0})) == 2);
}

BOOST_AUTO_TEST_CASE(at_the_target_is_one_minus_a_hundredth_of_the_score_scale_when_scaled) {
  BOOST_TEST(of_features(test::row({1, 0, 0}), {.scaled = true}) == 0.5);  // the encoder's scale is 50
  BOOST_TEST(of_features(test::row({0.6, 0.8, 0}), {.scaled = true}) == 1 - 0.5 * 0.6);
}

BOOST_AUTO_TEST_CASE(is_the_mean_over_samples_of_one_minus_cosine) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  const auto images = test::random({3, 3, 2, 2}, 4);
  double expected = 0;
  for (int n = 0; n < 3; ++n) {
    const auto raw = encoder.weight.matmul(images[n].flatten());
    expected += 1 - test::number(raw.dot(ends.target[0])) / std::sqrt(test::number(raw.dot(raw)));
  }
  BOOST_TEST(test::number(test::evaluate(Global{}, encoder, ends, images)) == expected / 3);
}

BOOST_AUTO_TEST_CASE(reads_the_adapted_images_only) {
  static_assert(has(Global::reads, Reads::adapted) && !has(Global::reads, Reads::anchor) && Global::per_sample);
  BOOST_TEST(Global::name == "global");
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  test::evaluate(Global{}, encoder, ends, test::random({3, 3, 2, 2}, 4), /*anchor=*/{});
  BOOST_TEST(*encoder.seen == 1);
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  for (const bool scaled : {false, true})
    test::check_gradient([&](const Tensor& x) { return test::evaluate(Global{.scaled = scaled}, encoder, ends, x); },
                         test::random({2, 3, 2, 2}, 4));
}

BOOST_AUTO_TEST_SUITE_END()
