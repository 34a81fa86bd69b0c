#include <boost/test/unit_test.hpp>

#include "nada/generators/latents.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(generators_latents)

using namespace nada;
using test::largest_difference;
using test::random;
using test::same_bits;

BOOST_AUTO_TEST_CASE(truncation_by_one_changes_nothing_and_by_zero_gives_the_mean) {
  const auto w = random({2, 4, 3}, 1), mean = random({3}, 2);
  BOOST_TEST(same_bits(truncate(w, mean, 1), w));
  BOOST_TEST(largest_difference(truncate(w, mean, 0), mean.expand({2, 4, 3})) < 1e-15);
}

BOOST_AUTO_TEST_CASE(truncation_divides_the_way_to_the_mean) {
  const auto w = random({2, 4, 3}, 1), mean = random({3}, 2);
  BOOST_TEST(largest_difference(truncate(w, mean, 0.7), 0.3 * mean + 0.7 * w) < 1e-15);
  BOOST_TEST(largest_difference(truncate(w, mean, -1), 2 * mean - w) < 1e-14);
}

BOOST_AUTO_TEST_CASE(truncation_of_the_first_layers_leaves_the_others) {
  const auto w = random({2, 4, 3}, 1), mean = random({3}, 2);
  const auto some = truncate(w, mean, 0.5, 3), all = truncate(w, mean, 0.5);
  BOOST_TEST(same_bits(some.narrow(1, 0, 3), all.narrow(1, 0, 3)));
  BOOST_TEST(same_bits(some.narrow(1, 3, 1), w.narrow(1, 3, 1)));
  BOOST_TEST(same_bits(truncate(w, mean, 0.5, 4), all));
}

BOOST_AUTO_TEST_CASE(truncation_of_more_layers_than_there_are_is_an_error) {
  const auto w = random({2, 4, 3}, 1), mean = random({3}, 2);
  BOOST_TEST(error_of([&] { truncate(w, mean, 0.5, 5); }) == "truncation of 5 styles: there are 4");
  BOOST_TEST(error_of([&] { truncate(w, mean, 0.5, -1); }) == "truncation of -1 styles: there are 4");
}

BOOST_AUTO_TEST_CASE(mixing_takes_coarse_styles_of_one_and_fine_ones_of_the_other) {
  const auto a = random({2, 4, 3}, 1), b = random({2, 4, 3}, 2);
  for (std::int64_t from = 0; from <= 4; ++from) {
    const auto mixed = mix(a, b, from);
    for (std::int64_t l = 0; l < 4; ++l) BOOST_TEST(same_bits(mixed.select(1, l), (l < from ? a : b).select(1, l)));
  }
}

BOOST_AUTO_TEST_CASE(mixing_other_shapes_or_places_is_an_error) {
  const auto a = random({2, 4, 3}, 1);
  BOOST_TEST(error_of([&] {
               mix(a, random({1, 4, 3}, 2), 2);
             }) == "style mixing: w+ of shapes [2, 4, 3] and [1, 4, 3]");
  BOOST_TEST(error_of([&] { mix(a, a, 5); }) == "style mixing from style 5: there are 4");
}

BOOST_AUTO_TEST_SUITE_END()
