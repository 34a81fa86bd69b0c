#include <boost/test/unit_test.hpp>

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

BOOST_AUTO_TEST_CASE(differences_are_paired_so_that_what_cells_share_cancels) {
  const auto e = paired_difference({101, 52, 13}, {100, 50, 10});
  BOOST_TEST(e.value == 2);
  BOOST_TEST(e.error == std::sqrt(1.0 / 3));
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

BOOST_AUTO_TEST_CASE(too_few_samples_give_a_value_without_interval) {
  const auto e = jackknife(5, [](const Tensor& kept) { return static_cast<double>(kept.numel()); });
  BOOST_TEST(e.value == 5);
  BOOST_TEST(!e.has_interval());
}

BOOST_AUTO_TEST_SUITE_END()
