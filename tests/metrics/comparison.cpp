#include "nada/metrics/comparison.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "nada/metrics/estimate.hpp"
#include "support/files.hpp"

// Expected numbers without a closed form are those of SciPy 1.17 and statsmodels 0.15, by the calls that each case names.
BOOST_AUTO_TEST_SUITE(metrics_comparison, *boost::unit_test::tolerance(1e-9))

using namespace nada;

BOOST_AUTO_TEST_CASE(nested_means_take_a_group_for_one_number) {
  const auto e = nested_mean({{1, 2}, {3, 5}, {4, 9}});  // scipy.stats.ttest_1samp([1.5, 4, 6.5], 0)
  BOOST_TEST(e.value == 4);
  BOOST_TEST(e.error == 1.4433756729740645);
  BOOST_TEST(e.low() == -2.2103442793758257);
  BOOST_TEST(e.high() == 10.210344279375825);
  BOOST_TEST(p_value(e) == 0.10927645716975344);
  const auto twice = nested_mean({{1, 1, 1}, {2, 2, 2}, {6, 6, 6}}), once = mean_estimate(std::vector<double>{1, 2, 6});
  BOOST_TEST(twice.half_width == once.half_width);
}

BOOST_AUTO_TEST_CASE(one_group_is_the_mean_of_its_numbers) {
  BOOST_TEST(nested_mean({{1, 2, 3, 4, 5}}).half_width == mean_estimate(std::vector<double>{1, 2, 3, 4, 5}).half_width);
  BOOST_TEST(!nested_mean({{4}}).has_interval());
  BOOST_TEST(error_of([] { nested_mean({}); }) == "the mean of no groups");
  BOOST_TEST(error_of([] { nested_mean({{1}, {}}); }) == "the mean of no numbers");
}

BOOST_AUTO_TEST_CASE(differences_are_paired_so_that_what_cells_share_cancels) {
  const auto e = nested_mean(paired({{101}, {52}, {13}}, {{100}, {50}, {10}}));
  BOOST_TEST(e.value == 2);
  BOOST_TEST(e.error == std::sqrt(1.0 / 3));
  BOOST_TEST(error_of([] { paired({{1}, {2}}, {{1}}); }) == "paired groups: 2 and 1");
  BOOST_TEST(error_of([] { paired({{1, 2}}, {{1}}); }) == "paired numbers: 2 and 1");
}

BOOST_AUTO_TEST_CASE(nested_shares_count_the_cases_of_a_group_once) {
  // Wilson's formula with the limit of scipy.stats.t(2): of n = 57, what the error over groups is worth, and of n = 600
  const Groups counts{{200, 200}, {200, 200}, {200, 200}};
  const auto e = nested_share({{0.85, 0.95}, {0.94, 0.96}, {1, 1}}, counts);
  BOOST_TEST(e.value == 0.95);
  BOOST_TEST(e.low() == 0.6853523303688585);
  BOOST_TEST(e.high() == 0.9940025083408188);
  const auto all = nested_share({{1, 1}, {1, 1}, {1, 1}}, counts);
  BOOST_TEST(all.low() == 0.9700688168476909);
  BOOST_TEST(all.high() == 1);
  BOOST_TEST(nested_share({{1}}, {{200}}).low() == 0.9811546736227335);  // binomtest(200, 200), method "wilson"
}

BOOST_AUTO_TEST_CASE(differences_of_shares_without_spread_are_newcombes) {
  // 190 of 200 less 200 of 200, from the limits of scipy.stats.binomtest(...).proportion_ci(method="wilson")
  const auto e = difference_of_shares({{0.95}}, {{200}}, {{1}}, {{200}});
  BOOST_TEST(e.value == -0.05);
  BOOST_TEST(e.low() == -0.08957814813877596, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(e.high() == -0.020560383047900508, boost::test_tools::tolerance(1e-6));
  const auto same = difference_of_shares({{1}, {1}}, {{200}, {200}}, {{1}, {1}}, {{200}, {200}});
  BOOST_TEST(same.value == 0);
  BOOST_TEST(same.half_width > 0);
  BOOST_TEST(p_value(same) == 1);
  const auto spread = difference_of_shares({{0.5}, {0.7}}, {{9}, {9}}, {{0.4}, {0.4}}, {{9}, {9}});
  BOOST_TEST(spread.half_width == nested_mean({{0.1}, {0.3}}).half_width);
}

BOOST_AUTO_TEST_CASE(p_values_are_those_of_t) {
  Estimate e;
  e.value = 3;
  e.error = 0.8;
  e.degrees = 2;
  e.half_width = t_limit(2) * e.error;
  BOOST_TEST(p_value(e) == 0.06432570767229198);  // 2 * scipy.stats.t.sf(3 / 0.8, 2)
  e.value = t_limit(2) * e.error;
  BOOST_TEST(p_value(e) == 0.05);
  e.error = e.half_width = 0;
  BOOST_TEST(p_value(e) == 0);
  e.value = 0;
  BOOST_TEST(p_value(e) == 1);
  BOOST_TEST(std::isnan(p_value(mean_estimate(std::vector<double>{1}))));
}

BOOST_AUTO_TEST_CASE(holms_correction_steps_down) {
  // statsmodels.stats.multitest.multipletests([0.01, 0.04, 0.03, 0.005, 0.5], method="holm"), with one that is no test
  const auto none = std::numeric_limits<double>::quiet_NaN();
  const auto corrected = holm({0.01, none, 0.04, 0.03, 0.005, 0.5});
  const std::vector<double> expected{0.04, 0, 0.09, 0.09, 0.025, 0.5};
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (i == 1)
      BOOST_TEST(std::isnan(corrected[i]));
    else
      BOOST_TEST(corrected[i] == expected[i]);
  BOOST_TEST(holm({0.03}) == std::vector<double>{0.03}, boost::test_tools::per_element());
  BOOST_TEST(holm({0.8, 0.7}).front() == 1);
}

BOOST_AUTO_TEST_CASE(variances_are_those_of_the_analysis_of_variance) {
  // (F - 1) MSW / n0 with F of scipy.stats.f_oneway([1, 2, 3], [2, 4], [7, 8, 9, 12]) and n0 = (9 - 29 / 9) / 2
  const auto v = variance_components({{1, 2, 3}, {2, 4}, {7, 8, 9, 12}});
  BOOST_TEST(v.within == 3);
  BOOST_TEST(v.between == 15.923076923076923);
  BOOST_TEST(v.of_mean(3, 2) == (15.923076923076923 + 1.5) / 3);
  const auto alike = variance_components({{1, 3}, {1, 3}});
  BOOST_TEST(alike.between == 0);
  BOOST_TEST(alike.within == 2);
  const auto single = variance_components({{1}, {3}});
  BOOST_TEST(single.between == 2);
  BOOST_TEST(single.within == 0);
  BOOST_TEST(error_of([] { variance_components({{1, 2}}); }).find("at least 2 of them") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_power_is_that_of_the_noncentral_t) {
  // scipy.stats.nct.sf(t, df, D / error) + scipy.stats.nct.cdf(-t, df, D / error) with t = scipy.stats.t.ppf(0.975, df)
  BOOST_TEST(power_of(1, 0.5, 2) == 0.21830707484678252, boost::test_tools::tolerance(1e-7));
  BOOST_TEST(power_of(-1, 0.4, 9) == 0.6061383742015277, boost::test_tools::tolerance(1e-7));
  BOOST_TEST(power_of(0.3, 0.1, 20) == 0.8141700727280687, boost::test_tools::tolerance(1e-7));
  BOOST_TEST(power_of(1, 1, 1) == 0.07298889446967004, boost::test_tools::tolerance(1e-7));
  BOOST_TEST(power_of(1, 0, 1) == 1);
}

BOOST_AUTO_TEST_CASE(as_many_groups_are_needed_as_first_have_the_power) {
  // counted up with scipy.stats.nct
  BOOST_TEST(groups_needed(1, {1, 0}, 1) == 10);
  BOOST_TEST(groups_needed(1, {1, 2}, 1) == 26);
  BOOST_TEST(groups_needed(1, {1, 2}, 3) == 16);
  BOOST_TEST(groups_needed(0.5, {1, 2}, 10) == 40);
  BOOST_TEST(groups_needed(5, {1, 1}, 1) == 3);
  BOOST_TEST(groups_needed(0.1, {1, 1}, 5) == 944);
  BOOST_TEST(groups_needed(1, {0, 0}, 1) == 2);
  BOOST_TEST(groups_needed(0.1, {1, 1}, 5, 0.8, 900) == 0);
  BOOST_TEST(groups_needed(0, {1, 1}, 5) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
