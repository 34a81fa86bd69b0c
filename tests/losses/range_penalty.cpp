#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_range_penalty, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

static_assert(SceneTerm<RangePenalty> && !EncoderTerm<RangePenalty, test::LinearEncoder, FixedShift>);

Tensor of(const Tensor& images) { return RangePenalty{}(Scene{images, {}, {}, {}}); }

}  // namespace

BOOST_AUTO_TEST_CASE(is_zero_with_gradient_zero_inside_the_range) {
  const auto images = torch::linspace(-1, 1, 48, torch::kFloat64).view({1, 3, 4, 4}).requires_grad_(true);
  const auto loss = of(images);
  BOOST_TEST(test::number(loss) == 0);
  BOOST_TEST(test::number(torch::autograd::grad({loss}, {images})[0].abs().max()) == 0);
}

BOOST_AUTO_TEST_CASE(is_the_squared_excess_of_a_constant_image) {
  for (const double value : {1.5, 3.0})
    for (const double sign : {1.0, -1.0})
      BOOST_TEST(test::number(of(torch::full({2, 3, 4, 4}, sign * value, torch::kFloat64))) ==
                 (value - 1) * (value - 1));
}

BOOST_AUTO_TEST_CASE(is_a_mean_over_pixels) {
  auto images = torch::zeros({1, 3, 4, 4}, torch::kFloat64);
  images.view(-1)[7] = 3;
  BOOST_TEST(test::number(of(images)) == 4.0 / 48);
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  test::check_gradient(of, 2 * test::random({2, 3, 4, 4}, 1));
}

BOOST_AUTO_TEST_CASE(reads_the_adapted_images_only) {
  static_assert(RangePenalty::reads == Reads::adapted && RangePenalty::per_sample);
  BOOST_TEST(RangePenalty::name == "range");
}

BOOST_AUTO_TEST_SUITE_END()
