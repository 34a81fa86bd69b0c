#include <boost/test/unit_test.hpp>

#include "nada/metrics/directional_score.hpp"
#include "nada/metrics/metric.hpp"
#include "support/not_finite.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_directional_score, *boost::unit_test::tolerance(1e-12))

using namespace nada;

static_assert(Metric<DirectionalScore>);

BOOST_AUTO_TEST_CASE(is_the_mean_cosine_of_the_steps_whatever_their_length) {
  Evidence evidence;
  evidence.source.unit = torch::cat({test::row({0, 0, 1}), test::row({0, 0, 1}), test::row({1, 0, 0})});
  evidence.adapted.unit =
      evidence.source.unit + torch::cat({test::row({2, 0, 0}), test::row({0, 0.1, 0}), test::row({-3, 0, 0})});
  evidence.ends.direction = test::row({0.8, 0.6, 0});
  BOOST_TEST(DirectionalScore{}(evidence).value == (0.8 + 0.6 - 0.8) / 3);
}

BOOST_AUTO_TEST_CASE(counts_images_that_did_not_move_as_zero) {
  Evidence evidence;
  evidence.source.unit = torch::cat({test::row({1, 0}), test::row({0, 1})});
  evidence.adapted.unit = torch::cat({test::row({1, 0}), test::row({1, 1})});
  evidence.ends.direction = test::row({1, 0});
  BOOST_TEST(DirectionalScore{}(evidence).value == 0.5);
}

BOOST_AUTO_TEST_CASE(refuses_samples_that_are_not_finite) {
  test::check_refuses_what_is_not_finite(DirectionalScore{});
}

BOOST_AUTO_TEST_SUITE_END()
