#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(shifts_fixed_shift)

using namespace nada;

namespace {

static_assert(Shift<FixedShift, test::LinearEncoder> && Shift<FixedShift, test::PixelEncoder>);
static_assert(!TextualShift<FixedShift> && !MovingShift<FixedShift>);

}  // namespace

BOOST_AUTO_TEST_CASE(gives_its_endpoints_to_every_encoder_without_asking_for_images) {
  const FixedShift shift{test::endpoints_between(test::row({1, 2, 3}), test::row({-1, 0, 1}))};
  const Sampler none = [](std::int64_t) -> Tensor { throw std::logic_error("no image was asked for"); };
  const auto linear = shift.endpoints(test::linear_encoder(3, 2, 1), none);
  const auto pixel = shift.endpoints(test::PixelEncoder{}, none);
  BOOST_TEST(linear.source.is_same(shift.ends.source));
  BOOST_TEST(linear.target.is_same(shift.ends.target));
  BOOST_TEST(pixel.direction.is_same(shift.ends.direction));
}

BOOST_AUTO_TEST_SUITE_END()
