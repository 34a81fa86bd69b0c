#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_estimate, *boost::unit_test::tolerance(1e-9))

using namespace nada;

BOOST_AUTO_TEST_CASE(t_limits_are_those_of_printed_tables) {
  BOOST_TEST(t_limit(1) == 12.706204736, boost::test_tools::tolerance(1e-8));
  BOOST_TEST(t_limit(4) == 2.7764451052, boost::test_tools::tolerance(1e-8));
  BOOST_TEST(t_limit(14) == 2.1447866879, boost::test_tools::tolerance(1e-8));
  BOOST_TEST(t_limit(1000000) == 1.9599663, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(t_limit(std::numeric_limits<double>::infinity()) == 1.959963985, boost::test_tools::tolerance(1e-8));
}

BOOST_AUTO_TEST_CASE(shares_have_wilsons_interval) {
  // scipy.stats.binomtest(k, n).proportion_ci(method="wilson") of SciPy 1.17
  const auto check = [](double value, std::int64_t count, double low, double high) {
    Estimate share;
    share.value = value;
    const auto e = as_share(share, count);
    BOOST_TEST(e.low() == low, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(e.high() == high, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(e.share_of == count);
  };
  check(0.95, 200, 0.910421851861224, 0.9726173543992361);
  check(1, 200, 0.9811546736227335, 1);
  check(0, 48, 0, 0.07410012966611748);
}

BOOST_AUTO_TEST_CASE(a_share_with_an_error_counts_as_the_cases_that_the_error_is_worth) {
  // Wilson's formula with n = 0.95 0.05 / error^2 = 57 and the limit of scipy.stats.t(2)
  Estimate share;
  share.value = 0.95;
  share.error = 0.028867513459481284;
  share.degrees = 2;
  BOOST_TEST(as_share(share, 600).low() == 0.6853523303688585);
  BOOST_TEST(as_share(share, 600).high() == 0.9940025083408188);
  BOOST_TEST(as_share(share, 57).low() == as_share(share, 600).low());
  BOOST_TEST(as_share(share, 50).low() < as_share(share, 600).low());  // no more than the cases there are
  share.value = 1;
  share.error = 0;
  BOOST_TEST(as_share(share, 600).low() == 0.9700688168476909);
  BOOST_TEST(as_share(share, 600).high() == 1);
  share.error =
      0.01;  // leaving samples out may lower a share of 1; the interval stays that of 600 cases with two degrees
  BOOST_TEST(as_share(share, 600).low() == 0.9700688168476909);
  share.value = 0;
  BOOST_TEST(as_share(share, 600).high() == 1 - 0.9700688168476909);
  share.value = 1.01;
  BOOST_TEST(error_of([&] { as_share(share, 600); }) == "a share of 1.01, expected one in [0, 1]");
  BOOST_TEST(error_of([&] { as_share({}, 0); }) == "a share of nothing");
}

BOOST_AUTO_TEST_CASE(the_mean_of_1_to_5_has_the_interval_of_a_textbook) {
  const auto e = mean_estimate(std::vector<double>{1, 2, 3, 4, 5});
  BOOST_TEST(e.value == 3);
  BOOST_TEST(e.error == std::sqrt(2.5 / 5));
  BOOST_TEST(e.high() - e.value == 2.7764451051977987 * std::sqrt(0.5));
  BOOST_TEST(e.value - e.low() == e.half_width);
}

BOOST_AUTO_TEST_CASE(one_number_has_no_interval_and_none_is_an_error) {
  BOOST_TEST(!mean_estimate(std::vector<double>{4}).has_interval());
  BOOST_TEST(mean_estimate(std::vector<double>{4}).value == 4);
  BOOST_TEST(error_of([] { mean_estimate(std::vector<double>{}); }).find("no numbers") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_jackknife_of_a_mean_with_groups_of_one_is_the_means_own_interval) {
  const auto x = test::random({20}, 1);
  const auto mean = [&](const Tensor& kept) { return test::number(x.index_select(0, kept).mean()); };
  const auto own = mean_estimate(x);
  const auto leave_one_out = jackknife(20, mean, 10);  // groups of two
  BOOST_TEST(leave_one_out.value == own.value);
  const auto exact = mean_estimate(x.view({2, 10}).mean(0));  // sample i and i + 10 form group i
  BOOST_TEST(leave_one_out.error == exact.error);
  BOOST_TEST(leave_one_out.half_width == exact.half_width);
}

BOOST_AUTO_TEST_CASE(the_jackknife_of_two_sets_is_welchs_test_of_their_means) {
  // scipy.stats.ttest_ind(x, y, equal_var=False) of SciPy 1.17
  const auto x = test::row({0.3, 1.9, 2.2, 4.4, 1.1, 2.8, 0.3, 1.9, 2.2, 4.4, 1.1, 2.8}).view(-1);
  const auto y = test::row({5.0, 3.1, 4.7, 6.2, 5.0, 3.1, 4.7, 6.2}).view(-1);
  const auto difference = [&](const Tensor& kept, const Tensor& others) {
    return test::number(x.index_select(0, kept).mean() - y.index_select(0, others).mean());
  };
  const auto e = jackknife_of_two(12, 8, difference, 6);  // groups of two equal samples
  BOOST_TEST(e.value == -2.6333333333333333);
  BOOST_TEST(e.degrees == 7.0906636039031605);
  BOOST_TEST(e.low() == -4.666459797715024);
  BOOST_TEST(e.high() == -0.6002068689516427);
  BOOST_TEST(jackknife_of_two(4, 4, difference).has_interval());
  BOOST_TEST(!jackknife_of_two(12, 3, difference).has_interval());
}

BOOST_AUTO_TEST_CASE(too_few_samples_give_a_value_without_interval) {
  const auto e = jackknife(5, [](const Tensor& kept) { return static_cast<double>(kept.numel()); });
  BOOST_TEST(e.value == 5);
  BOOST_TEST(!e.has_interval());
}

BOOST_AUTO_TEST_SUITE_END()
