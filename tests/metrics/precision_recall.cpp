#include <boost/test/unit_test.hpp>

#include "nada/encoders/encoder.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/precision_recall.hpp"
#include "support/files.hpp"
#include "support/not_finite.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_precision_recall, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::random;

static_assert(Metric<Precision> && Metric<Recall>);

BOOST_AUTO_TEST_CASE(counts_points_within_the_distance_to_the_k_th_neighbour) {
  const auto support = torch::tensor({0.0, 1.0, 3.0, 10.0}, torch::kFloat64).unsqueeze(1);
  // radii for k = 1: 1, 1, 2, 7
  const auto points = torch::tensor({-1.0, -1.1, 4.9, 2.5, 17.0, 17.1}, torch::kFloat64).unsqueeze(1);
  BOOST_TEST(share_inside(points, support, 1) == 4.0 / 6);
}

BOOST_AUTO_TEST_CASE(equal_sets_have_one_and_far_ones_zero) {
  const auto x = random({30, 4}, 1);
  BOOST_TEST(share_inside(x, x) == 1);
  BOOST_TEST(share_inside(x.flip(0), x) == 1);
  BOOST_TEST(share_inside(x + 100, x) == 0);
}

BOOST_AUTO_TEST_CASE(a_generator_that_copies_one_picture_is_precise_and_recalls_little) {
  Evidence evidence;
  const auto real = random({60, 4}, 2);
  evidence.real = {unit(real), real, {}};
  const auto one = real.narrow(0, 0, 1).repeat({40, 1});
  evidence.adapted = {unit(one), one, {}};
  BOOST_TEST(Precision{}(evidence).value == 1);
  BOOST_TEST(Recall{}(evidence).value == 1.0 / 60);
}

BOOST_AUTO_TEST_CASE(shares_of_one_and_zero_have_intervals_too) {
  Evidence evidence;
  const auto real = random({60, 4}, 2);
  evidence.real = {unit(real), real, {}};
  evidence.adapted = evidence.real;
  BOOST_TEST(Recall{}(evidence).high() == 1);
  BOOST_TEST(Recall{}(evidence).low() < 1);
  evidence.adapted.raw = real + 100;
  BOOST_TEST(Precision{}(evidence).value == 0);
  BOOST_TEST(Precision{}(evidence).high() > 0);
  BOOST_TEST(Precision{}(evidence).share_of == 60);
}

BOOST_AUTO_TEST_CASE(intervals_know_that_the_real_pictures_are_a_sample) {
  // One in four of the generated points lies inside; the more real pictures, the surer
  Evidence evidence;
  const auto x = 2 * random({400, 2}, 3), few = random({30, 2}, 4), many = random({400, 2}, 4);
  evidence.adapted = {unit(x), x, {}};
  evidence.real = {unit(few), few, {}};
  const auto rough = Precision{}(evidence);
  evidence.real = {unit(many), many, {}};
  BOOST_TEST(Precision{}(evidence).half_width < rough.half_width);
}

BOOST_AUTO_TEST_CASE(a_support_that_is_too_small_is_named) {
  BOOST_TEST(error_of([] {
               share_inside(random({5, 2}, 1), random({3, 2}, 2));
             }).find("at least 4") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(refuse_samples_that_are_not_finite) {
  test::check_refuses_what_is_not_finite(Precision{});
  test::check_refuses_what_is_not_finite(Recall{});
}

BOOST_AUTO_TEST_SUITE_END()
