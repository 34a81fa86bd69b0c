#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_pixel_anchor, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

static_assert(SceneTerm<PixelAnchor> && !EncoderTerm<PixelAnchor, test::LinearEncoder, FixedShift>);

Tensor of(const Tensor& adapted, const Tensor& anchor) { return PixelAnchor{}(Scene{adapted, anchor, {}, {}}); }

}  // namespace

BOOST_AUTO_TEST_CASE(is_zero_for_equal_images) {
  const auto images = test::random({2, 3, 4, 4}, 1);
  BOOST_TEST(test::number(of(images, images)) == 0);
}

BOOST_AUTO_TEST_CASE(is_the_size_of_a_constant_that_is_added) {
  const auto images = test::random({2, 3, 4, 4}, 1);
  BOOST_TEST(test::number(of(images + 0.25, images)) == 0.25);
  BOOST_TEST(test::number(of(images - 0.25, images)) == 0.25);
}

BOOST_AUTO_TEST_CASE(is_a_mean_over_pixels) {
  auto images = torch::zeros({1, 3, 4, 4}, torch::kFloat64);
  images.view(-1)[7] = -3;
  BOOST_TEST(test::number(of(images, torch::zeros_like(images))) == 3.0 / 48);
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto anchor = test::random({2, 3, 4, 4}, 2);
  test::check_gradient([&](const Tensor& x) { return of(x, anchor); }, test::random({2, 3, 4, 4}, 1));
}

BOOST_AUTO_TEST_CASE(reads_both_images) {
  static_assert(PixelAnchor::reads == (Reads::adapted | Reads::anchor) && PixelAnchor::per_sample);
  BOOST_TEST(PixelAnchor::name == "pixels");
}

BOOST_AUTO_TEST_SUITE_END()
