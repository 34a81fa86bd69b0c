#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/losses/manifold.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_manifold, *boost::unit_test::tolerance(1e-12))

using namespace nada;

static_assert(EncoderTerm<Manifold, test::LinearEncoder, FixedShift> && !SceneTerm<Manifold>);

BOOST_AUTO_TEST_CASE(is_the_difference_of_the_cosines_whichever_way_the_image_moved) {
  const Endpoints ends{test::row({1, 0, 0}), test::row({0.6, 0.8, 0}), test::row({0, 1, 0})};  // cosine 0.6
  const auto value = [&](std::vector<double> adapted) {
    return test::number(test::evaluate(Manifold{}, test::PixelEncoder{}, ends, test::pixels(test::row(adapted)),
                                       test::pixels(test::row({0, 0, 1}))));
  };
  BOOST_TEST(value({0.8, 0, 0.6}) == 0);
  BOOST_TEST(value({0, -0.8, 0.6}) == 0);
  BOOST_TEST(value({0, 0, 1}) == 0.4);
  BOOST_TEST(value({1, 0, 0}) == 0.6);
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  const auto anchor = test::random({2, 3, 2, 2}, 5);
  test::check_gradient([&](const Tensor& x) { return test::evaluate(Manifold{}, encoder, ends, x, anchor); },
                       test::random({2, 3, 2, 2}, 4));
}

BOOST_AUTO_TEST_SUITE_END()
