#include <boost/test/unit_test.hpp>

#include <limits>

#include "nada/adaptation/blend.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_blend)

using namespace nada;
using test::TinyGenerator;

namespace {

TinyGenerator mixed(const TinyGenerator& base, std::vector<Share<TinyGenerator>> shares) {
  return blend(base, std::span<const Share<TinyGenerator>>(shares));
}
double difference(const TinyGenerator& a, const TinyGenerator& b) {
  double most = 0;
  for (std::size_t k = 0; k < a.layers().size(); ++k)
    for (std::size_t s = 0; s < a.layers()[k].slots.size(); ++s)
      most = std::max(most, test::largest_difference(a.slot(k, s), b.slot(k, s)));
  return most;
}

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_and_all_of_a_generator_are_the_ends) {
  const TinyGenerator base(1), other(2);
  BOOST_TEST(difference(mixed(base, {}), base) == 0);
  BOOST_TEST(difference(mixed(base, {{&other, 0}}), base) == 0);
  BOOST_TEST(difference(mixed(base, {{&other, 1}}), other) < 1e-14);
}

BOOST_AUTO_TEST_CASE(weights_add_up_slot_by_slot) {
  const TinyGenerator base(1), one(2), two(3);
  const auto made = mixed(base, {{&one, 0.25}, {&two, -0.5}});
  const auto expected = 1.25 * base.slot(2, 0) + 0.25 * one.slot(2, 0) - 0.5 * two.slot(2, 0);
  BOOST_TEST(test::largest_difference(made.slot(2, 0), expected) < 1e-14);
}

BOOST_AUTO_TEST_CASE(the_ends_are_left_as_they_are) {
  const TinyGenerator base(1), other(2);
  mixed(base, {{&other, 0.5}});
  BOOST_TEST(difference(base, TinyGenerator(1)) == 0);
  BOOST_TEST(difference(other, TinyGenerator(2)) == 0);
}

BOOST_AUTO_TEST_CASE(a_strength_that_is_no_number_is_an_error) {
  const TinyGenerator base(1);
  BOOST_TEST(error_of([&] {
               mixed(base, {{&base, std::numeric_limits<double>::infinity()}});
             }) == "the strength is inf, expected a number");
}

BOOST_AUTO_TEST_SUITE_END()
