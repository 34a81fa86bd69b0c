#include <boost/test/unit_test.hpp>
#include <limits>

#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/text_score.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/not_finite.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_text_score, *boost::unit_test::tolerance(1e-12))

using namespace nada;

static_assert(Metric<TextScore>);

BOOST_AUTO_TEST_CASE(is_the_mean_cosine_to_the_target) {
  Evidence evidence;
  evidence.adapted.unit = torch::cat({test::row({1, 0}), test::row({0, 1}), test::row({0.6, 0.8})});
  evidence.ends.target = test::row({1, 0});
  const auto e = TextScore{}(evidence);
  BOOST_TEST(e.value == 1.6 / 3);
  BOOST_TEST(e.error == mean_estimate(std::vector<double>{1, 0, 0.6}).error);
}

BOOST_AUTO_TEST_CASE(the_feature_of_a_text_is_the_target_of_a_shift_to_it) {
  const auto encoder = test::linear_encoder(6, 8, 1);
  const std::vector<std::string> templates{"a {}", "the {} of a {}"};
  const auto ends = TextShift("face", "zombie", templates).endpoints(encoder, {});
  BOOST_TEST(test::same_bits(text_feature(encoder, "zombie", templates), ends.target));
}

BOOST_AUTO_TEST_CASE(needs_a_target_only) {
  Evidence evidence;
  BOOST_TEST(!enough(TextScore::needs, evidence));
  evidence.ends.target = test::row({1, 0});
  BOOST_TEST(enough(TextScore::needs, evidence));
}

BOOST_AUTO_TEST_CASE(found_is_the_share_of_samples_that_are_nearest_to_the_wanted_text) {
  static_assert(Metric<Found>);
  Evidence evidence;
  evidence.adapted.unit =
      torch::cat({test::row({1, 0}), test::row({0, 1}), test::row({0.6, 0.8}), test::row({0.8, 0.6})});
  BOOST_TEST(!enough(Found::needs, evidence));
  evidence.texts = torch::cat({test::row({0, 1}), test::row({1, 0})});
  BOOST_TEST(Found{}(evidence).value == 0.5);
  evidence.texts = evidence.texts.narrow(0, 0, 1);
  BOOST_TEST(Found{}(evidence).value == 1);
  const double z = t_limit(std::numeric_limits<double>::infinity());
  BOOST_TEST(Found{}(evidence).low() == 4 / (4 + z * z));
  BOOST_TEST(Found{}(evidence).high() == 1);
}

BOOST_AUTO_TEST_CASE(refuse_samples_that_are_not_finite) {
  test::check_refuses_what_is_not_finite(TextScore{});
  test::check_refuses_what_is_not_finite(Found{});
}

BOOST_AUTO_TEST_SUITE_END()
