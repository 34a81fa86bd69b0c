#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/metrics/kernel_distance.hpp"
#include "nada/metrics/kid.hpp"
#include "nada/metrics/metric.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_kid, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::random;

static_assert(Metric<Kid>);

namespace {

Estimate kid(const Tensor& adapted, const Tensor& real, const Kid& metric = {}) {
  Evidence evidence;
  evidence.adapted_pool = adapted;
  evidence.real_pool = real;
  return metric(evidence);
}

}  // namespace

BOOST_AUTO_TEST_CASE(of_sets_no_larger_than_a_subset_is_the_formula_of_public_implementations) {
  const auto x = random({7, 5}, 1), y = random({7, 5}, 2) + 0.5;
  const auto kernel = [](const Tensor& a, const Tensor& b) { return (a.matmul(b.t()) / 5 + 1).pow(3); };
  const auto a = kernel(x, x) + kernel(y, y), b = kernel(x, y);
  const auto theirs = ((a.sum() - a.diagonal().sum()) / 6 - b.sum() * 2 / 7) / 7;
  const auto e = kid(x, y);
  BOOST_TEST(e.value == test::number(theirs));
  BOOST_TEST(e.has_interval());
}

BOOST_AUTO_TEST_CASE(of_two_sets_of_one_distribution_is_near_zero) {
  const auto e = kid(random({400, 8}, 3), random({300, 8}, 4));
  BOOST_TEST(std::abs(e.value) < 4 * e.error);
  BOOST_TEST(std::abs(e.value) < 0.02);
  const auto other = kid(random({400, 8}, 3), random({300, 8}, 4) + 1);
  BOOST_TEST(other.low() > 1);
}

BOOST_AUTO_TEST_CASE(subsets_give_the_number_of_all_samples_on_average_and_the_same_each_time) {
  const auto x = random({90, 4}, 5), y = random({120, 4}, 6) + 0.3;
  const Kid metric{.subsets = 400, .subset_size = 30};
  const auto e = kid(x, y, metric);
  const auto all = kernel_distance(x, y, CubicKernel{});
  BOOST_TEST(std::abs(e.value - all.value) < 0.5 * all.error);
  BOOST_TEST(e.value != all.value);
  BOOST_TEST(kid(x, y, metric).value == e.value);
  BOOST_TEST(e.error == all.error);
}

BOOST_AUTO_TEST_CASE(refuses_what_cannot_be_measured) {
  BOOST_TEST(error_of([] { kid(random({9, 4}, 1), random({1, 4}, 2)); }).find("KID: needs at least 2 samples") == 0U);
  BOOST_TEST(error_of([] {
               kid(random({9, 4}, 1), random({9, 4}, 2), Kid{.subsets = 0});
             }).find("KID: expected a subset or more") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
