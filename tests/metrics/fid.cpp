#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "nada/core/tensor.hpp"
#include "nada/metrics/fid.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/metric.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_fid, *boost::unit_test::tolerance(1e-8))

using namespace nada;
using test::random;

static_assert(Metric<Fid>);

namespace {

Estimate fid(const Tensor& adapted, const Tensor& real) {
  Evidence evidence;
  evidence.adapted_pool = adapted;
  evidence.real_pool = real;
  return Fid{}(evidence);
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_the_frechet_distance_of_what_inception_pools_with_an_interval) {
  const auto x = random({80, 6}, 1).matmul(random({6, 6}, 2)), y = random({50, 6}, 3) + 1;
  const auto e = fid(x, y);
  BOOST_TEST(e.value == frechet_distance(x, y));
  BOOST_TEST(e.has_interval());
  BOOST_TEST(e.low() < e.value);
}

BOOST_AUTO_TEST_CASE(of_a_shifted_copy_is_the_squared_length_of_the_shift_and_of_equal_sets_zero) {
  const auto x = random({40, 300}, 4), shift = 0.1 * random({1, 300}, 5);
  BOOST_TEST(fid(x, x + shift).value == test::number(shift.square().sum()));
  BOOST_TEST((fid(x, x.flip(0)).value < 1e-9));
}

BOOST_AUTO_TEST_CASE(of_large_sets_is_the_same_without_an_interval) {
  const auto x = random({1100, 3}, 6), y = 2 * random({1200, 3}, 7);
  const auto e = fid(x, y);
  BOOST_TEST(!e.has_interval());
  BOOST_TEST(e.value == frechet_distance(x, y));
  BOOST_TEST(e.value == frechet_distance_by_samples(x.narrow(0, 0, 1100), y));
  BOOST_TEST(std::abs(e.value - 3) < 0.5);  // three axes of deviations 1 and 2
}

BOOST_AUTO_TEST_CASE(needs_an_inception_network_and_finite_numbers) {
  Evidence evidence;
  evidence.adapted_pool = random({4, 3}, 8);
  BOOST_TEST(!enough(Fid::needs, evidence));
  evidence.real_pool = random({4, 3}, 9);
  BOOST_TEST(enough(Fid::needs, evidence));
  BOOST_TEST(!declared(Needs::real, evidence).adapted_pool.defined());
  BOOST_TEST(!declared(Needs::adapted_pool, evidence).real_pool.defined());
  evidence.real_pool[1][1] = std::numeric_limits<double>::infinity();
  BOOST_TEST(error_of([&] { Fid{}(evidence); }) == "FID: the samples hold values that are not finite");
}

BOOST_AUTO_TEST_SUITE_END()
