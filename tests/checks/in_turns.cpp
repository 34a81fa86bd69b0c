#include "nada/checks/in_turns.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "nada/core/error.hpp"

BOOST_AUTO_TEST_SUITE(checks_in_turns)

using namespace nada;
using checks::ratio_of_times;

BOOST_AUTO_TEST_CASE(the_ratio_is_the_geometric_mean_and_its_interval_that_of_the_logarithms) {
  const auto found = ratio_of_times({2, 8, 4}, {1, 2, 2});  // ratios 2, 4, 2
  BOOST_TEST(found.ratio == std::cbrt(16.0), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(found.first == 4, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(found.second == std::cbrt(4.0), boost::test_tools::tolerance(1e-12));
  // Logarithms ln 2 (1, 2, 1): deviation ln 2 / sqrt 3, standard error ln 2 / 3; t of two degrees is 4.30265.
  const double half = 4.302652729911275 * std::log(2.0) / 3;
  BOOST_TEST(found.low == found.ratio * std::exp(-half), boost::test_tools::tolerance(1e-6));
  BOOST_TEST(found.high == found.ratio * std::exp(half), boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(what_slows_both_ways_of_a_round_does_not_count) {
  const auto found = ratio_of_times({3, 30, 6}, {1, 10, 2});
  BOOST_TEST(found.low == 3, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(found.high == 3, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(one_round_has_no_interval) {
  const auto found = ratio_of_times({2}, {1});
  BOOST_TEST(found.ratio == 2);
  BOOST_TEST(found.low == 0);
  BOOST_TEST(std::isinf(found.high));
}

BOOST_AUTO_TEST_CASE(lists_that_do_not_fit_are_refused) {
  BOOST_CHECK_THROW(ratio_of_times({}, {}), Error);
  BOOST_CHECK_THROW(ratio_of_times({1, 2}, {1}), Error);
  BOOST_CHECK_THROW(ratio_of_times({1}, {0}), Error);
}

BOOST_AUTO_TEST_CASE(a_way_that_works_ten_times_as_much_is_found_slower) {
  volatile double sink = 0;
  const auto work = [&](int n) {
    for (int i = 0; i < n; ++i) sink = sink + std::sqrt(static_cast<double>(i));
  };
  int calls[2] = {};
  const auto found = checks::compare_in_turns([&] { ++calls[0], work(100000); }, [&] { ++calls[1], work(10000); },
                                              {.rounds = 3, .least_seconds = 0.005});
  BOOST_TEST(calls[0] == calls[1]);
  BOOST_TEST(found.ratio > 3);
  BOOST_TEST(found.ratio < 30);
  BOOST_CHECK_THROW(checks::compare_in_turns([] {}, [] {}, {.rounds = 0}), Error);
}

BOOST_AUTO_TEST_SUITE_END()
