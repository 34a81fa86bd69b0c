#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/encoders/preprocessing.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_preprocessing)

using namespace nada;
using test::largest_difference;
using test::random;

namespace {

Preprocessing plain(std::int64_t size) {
  return {size, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, true};
}  // gives the image itself

/// One axis of a bicubic resize with a = -0.5 whose kernel widens when shrinking, as Pillow does: weights [out, in].
Tensor bicubic_axis(std::int64_t in, std::int64_t out) {
  const auto kernel = [](double x) {
    x = std::abs(x);
    if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
    if (x < 2) return -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
    return 0.0;
  };
  const double scale = static_cast<double>(in) / static_cast<double>(out), wide = std::max(scale, 1.0);
  auto weights = torch::zeros({out, in}, torch::kFloat64);
  for (std::int64_t o = 0; o < out; ++o) {
    const double centre = (static_cast<double>(o) + 0.5) * scale;
    double sum = 0;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - 2 * wide + 0.5));
    const auto last = std::min<std::int64_t>(in, static_cast<std::int64_t>(centre + 2 * wide + 0.5));
    for (std::int64_t i = first; i < last; ++i) {
      const double w = kernel((static_cast<double>(i) - centre + 0.5) / wide);
      weights[o][i] = w;
      sum += w;
    }
    weights[o] /= sum;
  }
  return weights;
}

}  // namespace

BOOST_AUTO_TEST_CASE(geometry_is_that_of_torchvision) {
  struct Row {
    std::int64_t height, width;
    CropGeometry expected;
  };
  const std::vector<Row> table{
      {64, 64, {224, 224, 0, 0}},     {224, 224, {224, 224, 0, 0}},
      {1024, 1024, {224, 224, 0, 0}}, {300, 200, {336, 224, 56, 0}},
      {200, 300, {224, 336, 0, 56}},  {257, 200, {287, 224, 32, 0}},  // 287.84 is cut off; 31.5 goes to the even 32
      {255, 200, {285, 224, 30, 0}},                                  // 285.6 is cut off; 30.5 goes to the even 30
      {200, 257, {224, 287, 0, 32}},  {1, 3, {224, 672, 0, 224}}};
  for (const auto& row : table) {
    const auto g = crop_geometry(row.height, row.width, 224);
    BOOST_TEST_CONTEXT(row.height << " x " << row.width) {
      BOOST_TEST(g.height == row.expected.height);
      BOOST_TEST(g.width == row.expected.width);
      BOOST_TEST(g.top == row.expected.top);
      BOOST_TEST(g.left == row.expected.left);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_image_without_pixels_or_channels_is_an_error) {
  BOOST_TEST(error_of([] { crop_geometry(0, 5, 8); }) == "an image of 0 x 5 pixels cannot be made 8 pixels");
  BOOST_TEST(error_of([] { plain(8)(random({3, 8, 8}, 1)); }) == "images of shape [3, 8, 8], expected [N, 3, H, W]");
  BOOST_TEST(error_of([] {
               plain(8)(random({1, 4, 8, 8}, 1));
             }) == "images of shape [1, 4, 8, 8], expected [N, 3, H, W]");
}

BOOST_AUTO_TEST_CASE(a_constant_image_becomes_its_normalised_value) {
  const Preprocessing clip;
  for (const double value : {-1.0, 0.0, 0.5, 1.0, 1.3})  // 1.3: not clamped
    for (const std::int64_t side : {64, 224, 300}) {
      const auto out = clip(torch::full({2, 3, side, side}, value, torch::kFloat64));
      BOOST_TEST(out.sizes() == (at::IntArrayRef{2, 3, 224, 224}));
      for (std::int64_t c = 0; c < 3; ++c) {
        const auto i = static_cast<std::size_t>(c);
        const double expected = ((value + 1) / 2 - clip.mean[i]) / clip.deviation[i];
        BOOST_TEST(largest_difference(out.select(1, c), torch::full({2, 224, 224}, expected, torch::kFloat64)) < 1e-12);
      }
    }
}

BOOST_AUTO_TEST_CASE(an_image_of_the_right_size_is_not_resampled) {
  const auto image = random({2, 3, 8, 8}, 1);
  BOOST_TEST(largest_difference(plain(8)(image), image) < 1e-15);
}

BOOST_AUTO_TEST_CASE(the_resize_is_bicubic_with_a_kernel_that_widens_when_shrinking) {
  for (const std::int64_t side : {5, 21, 40}) {  // larger, and smaller by several factors
    const auto image = random({1, 3, side, side}, 1);
    const auto axis = bicubic_axis(side, 8);
    const auto expected = at::matmul(at::matmul(axis, image), axis.t());
    BOOST_TEST(largest_difference(plain(8)(image), expected) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(the_crop_is_the_centre_of_the_resized_image) {
  const auto image = random({1, 3, 20, 12}, 1);
  const auto resized =
      at::matmul(at::matmul(bicubic_axis(20, 13), image), bicubic_axis(12, 8).t());  // 8 * 20 / 12 = 13.3
  BOOST_TEST(largest_difference(plain(8)(image), resized.narrow(2, 2, 8)) < 1e-6);   // 2.5 goes to 2
}

BOOST_AUTO_TEST_CASE(without_antialias_an_image_is_sampled_as_the_official_code_does) {
  auto official = plain(8);
  official.antialias = false;
  const auto image = random({1, 3, 24, 24}, 1);  // by three: each output pixel falls on the middle of an input pixel
  const auto expected = image.slice(2, 1, 24, 3).slice(3, 1, 24, 3);
  BOOST_TEST(largest_difference(official(image), expected) < 1e-12);
  BOOST_TEST(largest_difference(plain(8)(image), expected) > 0.1);
}

BOOST_AUTO_TEST_CASE(samples_and_types_are_kept) {
  const auto images = random({3, 3, 12, 12}, 1);
  const auto together = plain(8)(images);
  for (std::int64_t n = 0; n < 3; ++n)
    BOOST_TEST(largest_difference(plain(8)(images.narrow(0, n, 1))[0], together[n]) == 0);
  BOOST_TEST((plain(8)(images.to(torch::kFloat32)).scalar_type() == torch::kFloat32));
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto probe = random({1, 3, 6, 6}, 2);
  for (const bool antialias : {true, false}) {
    auto preprocessing = Preprocessing{.size = 6, .antialias = antialias};
    for (const std::int64_t side : {4, 11})
      test::check_gradient([&](const Tensor& x) { return (preprocessing(x) * probe).sum(); },
                           random({1, 3, side, side + 2}, 1));
  }
}

BOOST_AUTO_TEST_SUITE_END()
