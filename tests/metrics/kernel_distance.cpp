#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/kernel_distance.hpp"
#include "nada/metrics/metric.hpp"
#include "support/not_finite.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_kernel_distance, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::random;

static_assert(Metric<KernelDistance> && Metric<Cmmd>);

namespace {

/// E k(x, y) of x ~ N(a, s^2 I), y ~ N(b, t^2 I) in `d` dimensions under the Gaussian kernel.
double expected_kernel(double squared_shift, double s, double t, double sigma, double d) {
  const double spread = sigma * sigma + s * s + t * t;
  return std::pow(sigma * sigma / spread, d / 2) * std::exp(-squared_shift / (2 * spread));
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_the_double_sum_of_its_definition) {
  const auto x = random({4, 3}, 1), y = random({5, 3}, 2);
  const auto k = [](const Tensor& a, const Tensor& b) { return std::pow(test::number(a.dot(b)) / 3 + 1, 3); };
  double xx = 0, yy = 0, xy = 0;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j)
      if (i != j) xx += k(x[i], x[j]) / 12;
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 5; ++j)
      if (i != j) yy += k(y[i], y[j]) / 20;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 5; ++j) xy += k(x[i], y[j]) / 20;
  BOOST_TEST(kernel_distance(x, y, CubicKernel{}).value == xx + yy - 2 * xy);
  BOOST_TEST(kernel_distance(x.flip(0), y.flip(0), CubicKernel{}).value == xx + yy - 2 * xy);
}

BOOST_AUTO_TEST_CASE(of_gaussians_is_near_its_closed_form_by_what_it_says_of_its_error) {
  const GaussianKernel kernel{.sigma = 1.5};
  const double d = 3, truth = expected_kernel(0, 1, 1, 1.5, d) + expected_kernel(0, 2, 2, 1.5, d) -
                              2 * expected_kernel(0.25, 1, 2, 1.5, d);
  const auto x = random({900, 3}, 3), y = 2 * random({1100, 3}, 4) + test::row({0.5, 0, 0});
  const auto e = kernel_distance(x, y, kernel);
  BOOST_TEST(std::abs(e.value - truth) < 3 * e.error);
  BOOST_TEST(e.error < 0.1 * truth);
}

BOOST_AUTO_TEST_CASE(is_unbiased_and_its_error_is_the_spread_over_repetitions) {
  const GaussianKernel kernel{.sigma = 1};
  const double truth = expected_kernel(0, 1, 1, 1, 2) * 2 - 2 * expected_kernel(1, 1, 1, 1, 2);
  std::vector<double> values;
  double claimed = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto e = kernel_distance(random({40, 2}, 100 + i), random({50, 2}, 1000 + i) + test::row({1, 0}), kernel);
    values.push_back(e.value);
    claimed += e.error / 200;
  }
  const auto all = mean_estimate(values);
  BOOST_TEST(std::abs(all.value - truth) < 3.5 * all.error);
  const double spread = all.error * std::sqrt(200.0);
  BOOST_TEST(claimed > 0.8 * spread);
  BOOST_TEST(claimed < 1.3 * spread);
}

BOOST_AUTO_TEST_CASE(of_one_distribution_is_about_zero_of_either_sign) {
  int negative = 0;
  for (std::uint64_t i = 0; i < 20; ++i)
    negative += kernel_distance(random({30, 3}, i), random({30, 3}, 500 + i), CubicKernel{}).value < 0;
  BOOST_TEST(negative > 3);
  BOOST_TEST(negative < 19);
}

BOOST_AUTO_TEST_CASE(cmmd_is_a_thousand_times_the_distance_of_unit_features) {
  const auto x = random({30, 5}, 5), y = random({20, 5}, 6) + 1;
  Evidence evidence;
  evidence.adapted = {unit(x), x, {}};
  evidence.real = {unit(y), y, {}};
  const auto plain = kernel_distance(unit(x), unit(y), GaussianKernel{10});
  BOOST_TEST(Cmmd{}(evidence).value == 1000 * plain.value);
  BOOST_TEST(Cmmd{}(evidence).error == 1000 * plain.error);
  BOOST_TEST(KernelDistance{}(evidence).value == kernel_distance(x, y, CubicKernel{}).value);
}

BOOST_AUTO_TEST_CASE(refuse_samples_that_are_not_finite) {
  test::check_refuses_what_is_not_finite(KernelDistance{});
  test::check_refuses_what_is_not_finite(Cmmd{});
}

BOOST_AUTO_TEST_SUITE_END()
