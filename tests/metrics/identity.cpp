#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/metrics/identity.hpp"
#include "nada/metrics/metric.hpp"
#include "support/not_finite.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_identity, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::random;

static_assert(Metric<Identity>);

namespace {

double identity(const Tensor& adapted, const Tensor& source) {
  Evidence evidence;
  evidence.adapted.unit = adapted;
  evidence.source.unit = source;
  return Identity{}(evidence).value;
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_one_where_everything_moved_by_one_vector_or_grew) {
  const auto x = random({20, 5}, 1);
  BOOST_TEST(identity(x + test::row({3, 0, 1, -2, 0}), x) == 1);
  BOOST_TEST(identity(2 * x, x) == 1);
  BOOST_TEST(identity(-x, x) == -1);
}

BOOST_AUTO_TEST_CASE(is_zero_where_all_became_one_image) {
  const auto x = random({20, 5}, 2);
  BOOST_TEST(identity(x.narrow(0, 0, 1).expand({20, 5}), x) == 0);
}

BOOST_AUTO_TEST_CASE(is_about_zero_where_samples_were_exchanged) {
  const auto x = random({400, 5}, 3);
  BOOST_TEST(std::abs(identity(x.roll(1, 0), x)) < 0.1);
}

BOOST_AUTO_TEST_CASE(is_the_mean_cosine_of_what_is_left_without_the_means) {
  const auto s = torch::cat({test::row({1, 0}), test::row({-1, 0})});
  const auto a = torch::cat({test::row({3, 4}), test::row({-3, -4})}) + 7;
  BOOST_TEST(identity(a, s) == 0.6);
}

BOOST_AUTO_TEST_CASE(refuses_samples_that_are_not_finite) { test::check_refuses_what_is_not_finite(Identity{}); }

BOOST_AUTO_TEST_SUITE_END()
