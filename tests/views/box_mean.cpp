#include "nada/views/box_mean.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>

#include "nada/core/tensor.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(views_box_mean)

using namespace nada;
using test::largest_difference;
using test::random;

BOOST_AUTO_TEST_CASE(is_the_pooling_of_the_padded_image) {
  const auto images = random({2, 3, 9, 12}, 1);
  for (const std::int64_t radius : {1, 2, 4}) {
    const auto padded = at::pad(images, {radius, radius, radius, radius}, "replicate");
    BOOST_TEST(largest_difference(box_mean(images, radius), at::avg_pool2d(padded, 2 * radius + 1, 1)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(of_one_pixel_is_the_image) {
  const auto images = random({1, 3, 4, 5}, 1);
  BOOST_TEST(largest_difference(box_mean(images, 0), images) < 1e-12);
}

BOOST_AUTO_TEST_CASE(large_float32_images_keep_their_accuracy) {
  const auto images = random({1, 3, 512, 512}, 1);
  BOOST_TEST(largest_difference(box_mean(images.to(torch::kFloat32), 12).to(torch::kFloat64), box_mean(images, 12)) <
             1e-5);
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto probe = random({1, 2, 5, 6}, 2);
  test::check_gradient([&](const Tensor& x) { return (box_mean(x, 2) * probe).sum(); }, random({1, 2, 5, 6}, 1));
}

BOOST_AUTO_TEST_SUITE_END()
