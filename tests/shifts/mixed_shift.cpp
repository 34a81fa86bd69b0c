#include <boost/test/unit_test.hpp>

#include "nada/core/error.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/mixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(shifts_mixed_shift, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {
const FixedShift to_x{{test::row({0, 0, 1}), test::row({1, 0, 0}), test::row({1, 0, 0})}};
const FixedShift to_y{{test::row({0, 0, 1}), test::row({0, 1, 0}), test::row({0, 1, 0})}};
const FixedShift from_x{{test::row({0, 0, 1}), test::row({1, 0, 0}), test::row({-1, 0, 0})}};

Endpoints mixed(const FixedShift& a, const FixedShift& b, double share) {
  return MixedShift(a, b, share).endpoints(test::PixelEncoder{}, {});
}
static_assert(TextualShift<MixedShift<TextShift, FixedShift>> && !TextualShift<MixedShift<FixedShift, TextShift>>);
}  // namespace

BOOST_AUTO_TEST_CASE(the_ends_of_the_range_are_the_two_shifts) {
  BOOST_TEST(test::same_bits(mixed(to_x, to_y, 0).direction, to_x.ends.direction));
  BOOST_TEST(test::same_bits(mixed(to_x, to_y, 1).target, to_y.ends.target));
}

BOOST_AUTO_TEST_CASE(in_between_the_weighed_sum_is_made_unit) {
  const auto ends = mixed(to_x, to_y, 0.75);  // (0.25, 0.75) at unit length
  const auto expected = test::row({1, 3, 0}) / std::sqrt(10.0);
  BOOST_TEST(test::largest_difference(ends.direction, expected) == 0);
  BOOST_TEST(test::largest_difference(ends.target, expected) == 0);
  BOOST_TEST(test::largest_difference(ends.source, test::row({0, 0, 1})) == 0);
}

BOOST_AUTO_TEST_CASE(a_share_outside_the_range_and_directions_that_cancel_are_refused) {
  BOOST_TEST(error_of([] { MixedShift(to_x, to_y, 1.5); }) == "MixedShift: the share is 1.5, expected 0 to 1");
  BOOST_TEST(error_of([] { mixed(to_x, from_x, 0.5); }) == "MixedShift: the directions of both shifts cancel out");
}

BOOST_AUTO_TEST_SUITE_END()
