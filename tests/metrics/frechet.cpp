#include <boost/test/unit_test.hpp>

#include <array>
#include <complex>
#include <cstdint>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/metric.hpp"
#include "support/files.hpp"
#include "support/not_finite.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_frechet, *boost::unit_test::tolerance(1e-8))

using namespace nada;
using test::random;

namespace {

static_assert(Metric<Frechet> && !Metric<int>);

/// Samples whose mean is `mean` and whose covariance is exactly that of `factor` times its transpose.
Tensor exact_gaussian(std::int64_t count, const Tensor& mean, const Tensor& factor, std::uint64_t seed) {
  auto x = random({count, mean.size(1)}, seed);
  x = x - x.mean(0, true);
  const auto covariance = x.t().matmul(x) / static_cast<double>(count - 1);
  const auto white = x.matmul(at::linalg_inv(at::linalg_cholesky(covariance)).t());
  return white.matmul(factor.t()) + mean;
}

Tensor covariance_of(const Tensor& x) {
  const auto centred = x - x.mean(0, true);
  return centred.t().matmul(centred) / static_cast<double>(x.size(0) - 1);
}

/// The same distance another way: the trace of the root of C_x C_y from the eigenvalues of that product, which is not
/// symmetric.
double by_general_eigenvalues(const Tensor& x, const Tensor& y) {
  const auto cx = covariance_of(x), cy = covariance_of(y);
  const auto roots = at::sqrt(at::linalg_eigvals(cx.matmul(cy)));
  return test::number((x.mean(0) - y.mean(0)).square().sum() + cx.trace() + cy.trace() - 2 * at::real(roots).sum());
}

}  // namespace

BOOST_AUTO_TEST_CASE(of_diagonal_gaussians_is_the_sum_over_axes) {
  const auto x =
      exact_gaussian(50, test::row({1, 2, 3}), torch::diag(torch::tensor({1.0, 2.0, 0.5}, torch::kFloat64)), 1);
  const auto y =
      exact_gaussian(70, test::row({0, 2, 5}), torch::diag(torch::tensor({3.0, 2.0, 1.5}, torch::kFloat64)), 2);
  BOOST_TEST(frechet_distance(x, y) == (1 + 0 + 4) + (4 + 0 + 1));
}

BOOST_AUTO_TEST_CASE(of_a_shifted_copy_is_the_squared_length_of_the_shift) {
  const auto x = random({30, 4}, 3);
  BOOST_TEST(frechet_distance(x, x + test::row({0.5, -1, 2, 0})) == 5.25);
}

BOOST_AUTO_TEST_CASE(of_equal_sets_and_their_permutations_is_zero) {
  const auto x = random({40, 6}, 4);
  BOOST_TEST((std::abs(frechet_distance(x, x)) < 1e-6));
  BOOST_TEST((std::abs(frechet_distance(x, x.flip(0))) < 1e-6));
  BOOST_TEST(frechet_distance(torch::cat({x, x}), x) < 0.05);  // duplicates change N - 1 alone
}

BOOST_AUTO_TEST_CASE(agrees_with_a_second_computation_for_covariances_that_do_not_commute) {
  const auto x = random({60, 8}, 5).matmul(random({8, 8}, 6)) + random({1, 8}, 7);
  const auto y = random({90, 8}, 8).matmul(random({8, 8}, 9));
  BOOST_TEST(frechet_distance(x, y) == by_general_eigenvalues(x, y));
  BOOST_TEST(frechet_distance(x, y) == frechet_distance(y, x));
}

BOOST_AUTO_TEST_CASE(bears_fewer_samples_than_features) {
  const auto x = random({5, 12}, 10), y = random({7, 12}, 11);
  const double d = frechet_distance(x, y);
  BOOST_TEST(std::isfinite(d));
  BOOST_TEST(d > 0);
  BOOST_TEST(d == by_general_eigenvalues(x, y), boost::test_tools::tolerance(1e-5));
}

BOOST_AUTO_TEST_CASE(by_samples_is_the_same_number) {
  for (const auto& [n, m, width] : {std::array<std::int64_t, 3>{60, 90, 8}, {5, 7, 12}, {30, 4, 9}}) {
    const auto x = random({n, width}, 14).matmul(random({width, width}, 15)) + 0.5, y = random({m, width}, 16);
    BOOST_TEST(frechet_distance_by_samples(x, y) == frechet_distance(x, y), boost::test_tools::tolerance(1e-6));
    BOOST_TEST((frechet_distance_by_samples(x, x) < 1e-9 * test::number(x.square().sum())));
  }
  BOOST_TEST(error_of([] {
               frechet_distance_by_samples(random({9, 3}, 1), random({9, 4}, 2));
             }).find("3 and 4") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(as_a_metric_reads_raw_features_and_has_an_interval_around_the_truth) {
  const auto x = random({400, 3}, 12), y = random({5000, 3}, 13) + test::row({2, 0, 0});
  Evidence evidence;
  evidence.adapted = {unit(x), x, {}};
  evidence.real = {unit(y), y, {}};
  const auto e = Frechet{}(evidence);
  BOOST_TEST(e.value == frechet_distance(x, y));
  BOOST_TEST(e.low() < 4);
  BOOST_TEST(e.high() > 4);
  BOOST_TEST(e.half_width < 1);
}

BOOST_AUTO_TEST_CASE(the_interval_holds_the_error_of_either_set) {
  const auto x = random({400, 3}, 12), y = random({40, 3}, 13) + test::row({2, 0, 0});
  const auto error = [](const Tensor& adapted, const Tensor& real) {
    Evidence evidence;
    evidence.adapted = {unit(adapted), adapted, {}};
    evidence.real = {unit(real), real, {}};
    return Frechet{}(evidence).error;
  };
  BOOST_TEST(error(x, y) == error(y, x), boost::test_tools::tolerance(1e-6));
  const auto alone = jackknife(400, [&](const Tensor& kept) { return frechet_distance(x.index_select(0, kept), y); });
  BOOST_TEST(error(x, y) > 1.5 * alone.error);  // forty real pictures are the larger uncertainty
}

BOOST_AUTO_TEST_CASE(names_what_does_not_fit) {
  BOOST_TEST(error_of([] {
               frechet_distance(random({1, 3}, 1), random({9, 3}, 2));
             }).find("at least 2") != std::string::npos);
  BOOST_TEST(error_of([] {
               frechet_distance(random({9, 3}, 1), random({9, 4}, 2));
             }).find("3 and 4") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(refuses_samples_that_are_not_finite) { test::check_refuses_what_is_not_finite(Frechet{}); }

BOOST_AUTO_TEST_SUITE_END()
