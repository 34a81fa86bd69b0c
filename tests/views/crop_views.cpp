#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/views/crop_views.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(views_crop_views)

using namespace nada;
using test::largest_difference;
using test::random;
using test::same_bits;

namespace {

constexpr CropViews whole{.min_side = 1, .max_side = 1, .reach = 1, .noise = 0};  // the crop is the image or its mirror
constexpr CropViews silent{.noise = 0};

/// Bilinear sample of one channel [H, W] at pixel coordinates, edges repeated.
double sample(const Tensor& channel, double y, double x) {
  const auto at = [&](std::int64_t i, std::int64_t j) {
    i = std::clamp<std::int64_t>(i, 0, channel.size(0) - 1);
    j = std::clamp<std::int64_t>(j, 0, channel.size(1) - 1);
    return test::number(channel[i][j]);
  };
  y = std::clamp(y, 0.0, static_cast<double>(channel.size(0) - 1));
  x = std::clamp(x, 0.0, static_cast<double>(channel.size(1) - 1));
  const auto i = static_cast<std::int64_t>(std::floor(y)), j = static_cast<std::int64_t>(std::floor(x));
  const double a = y - static_cast<double>(i), b = x - static_cast<double>(j);
  return (1 - a) * ((1 - b) * at(i, j) + b * at(i, j + 1)) + a * ((1 - b) * at(i + 1, j) + b * at(i + 1, j + 1));
}

/// One draw of many: how often each sample was flipped under `whole`.
int flipped(const Tensor& images, const Tensor& views) {
  int count = 0;
  for (std::int64_t n = 0; n < images.size(0); ++n) {
    const auto crop = views[images.size(0) + n];
    const bool same = largest_difference(crop, images[n]) < 1e-12;
    const bool mirror = largest_difference(crop, images[n].flip(2)) < 1e-12;
    BOOST_TEST(same != mirror);
    count += mirror;
  }
  return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(shows_all_images_then_all_crops_at_the_size_of_the_input) {
  const auto images = random({3, 3, 6, 6}, 1);
  const auto views = silent.show(images, Stream{1, 0});
  BOOST_TEST(views.sizes() == (at::IntArrayRef{6, 3, 6, 6}));
  BOOST_TEST(same_bits(views.narrow(0, 0, 3), images));
  BOOST_TEST(largest_difference(views.narrow(0, 3, 3), images) > 0.1);
}

BOOST_AUTO_TEST_CASE(a_crop_of_the_whole_image_is_the_image_or_its_mirror_half_of_the_time) {
  const auto images = random({64, 3, 5, 5}, 1);
  const int count = flipped(images, whole.show(images, Stream{1, 0}));
  BOOST_TEST(count > 16);  // 32 expected, deviation 4
  BOOST_TEST(count < 48);
}

BOOST_AUTO_TEST_CASE(a_crop_is_the_bilinear_sample_of_the_square_that_the_stream_draws) {
  const auto images = random({4, 3, 6, 6}, 1);
  const Stream stream{3, 5};
  const auto views = silent.show(images, stream);
  const auto u = stream.uniform(Purpose::views, {4, 4}).to(torch::kFloat64);
  for (std::int64_t n = 0; n < 4; ++n) {
    const double side = 0.75 + 0.3 * test::number(u[n][0]), room = std::max(1.04 - side, 0.0);
    const double dx = (2 * test::number(u[n][1]) - 1) * room, dy = (2 * test::number(u[n][2]) - 1) * room;
    const double mirror = test::number(u[n][3]) < 0.5 ? -1 : 1;
    double worst = 0;
    for (std::int64_t y = 0; y < 6; ++y)
      for (std::int64_t x = 0; x < 6; ++x) {
        const double cx = (2 * static_cast<double>(x) + 1) / 6 - 1, cy = (2 * static_cast<double>(y) + 1) / 6 - 1;
        const double px = ((side * mirror * cx + dx + 1) * 6 - 1) / 2, py = ((side * cy + dy + 1) * 6 - 1) / 2;
        for (std::int64_t c = 0; c < 3; ++c)
          worst = std::max(worst, std::abs(sample(images[n][c], py, px) - test::number(views[4 + n][c][y][x])));
      }
    BOOST_TEST(worst < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(the_same_stream_gives_the_same_draw_for_other_images_and_another_step_another_draw) {
  const auto images = random({4, 3, 6, 6}, 1);
  const CropViews views;
  BOOST_TEST(same_bits(views.show(images, Stream{3, 5}), views.show(images, Stream{3, 5})));
  BOOST_TEST(largest_difference(views.show(images, Stream{3, 6}), views.show(images, Stream{3, 5})) > 0.1);
  const auto brighter = views.show(images + 0.5, Stream{3, 5});  // linear in the image: the same crop, the same noise
  BOOST_TEST(largest_difference(brighter, views.show(images, Stream{3, 5}) + 0.5) < 1e-12);
}

BOOST_AUTO_TEST_CASE(the_views_of_a_sample_do_not_depend_on_the_batch) {
  const auto images = random({4, 3, 6, 6}, 1);
  const CropViews views{.blur = 0.5};
  const auto all = views.show(images, Stream{3, 5}), two = views.show(images.narrow(0, 0, 2), Stream{3, 5});
  BOOST_TEST(largest_difference(two.narrow(0, 0, 2), all.narrow(0, 0, 2)) < 1e-14);
  BOOST_TEST(largest_difference(two.narrow(0, 2, 2), all.narrow(0, 4, 2)) < 1e-14);
}

BOOST_AUTO_TEST_CASE(noise_of_its_deviation_is_added_to_each_view_and_differs_between_them) {
  const auto images = torch::zeros({8, 3, 16, 16}, torch::kFloat64);
  const auto views = CropViews{.noise = 0.05}.show(images, Stream{1, 0});
  const auto first = views.narrow(0, 0, 8), second = views.narrow(0, 8, 8);
  BOOST_TEST(test::number(first.std()) == 0.05, boost::test_tools::tolerance(0.05));
  BOOST_TEST(test::number(second.std()) == 0.05, boost::test_tools::tolerance(0.05));
  BOOST_TEST(std::abs(test::number((first * second).mean())) < 0.05 * 0.05 * 0.1);  // independent
}

BOOST_AUTO_TEST_CASE(a_blur_takes_half_to_all_of_each_view_to_the_mean_of_its_square) {
  const auto images = random({6, 3, 16, 16}, 1);
  const auto sharp = silent.show(images, Stream{2, 3});
  const auto blurred = CropViews{.noise = 0, .blur = 0.2}.show(images, Stream{2, 3});  // 0.2 x 16 pixels: 3 x 3
  std::vector<double> shares;
  for (std::int64_t n = 0; n < 12; ++n) {
    // One share explains every pixel: view = (1 - share) sharp + share mean.
    double along = 0, square = 0, worst = 0;
    const auto each = [&](auto&& see) {
      for (std::int64_t c = 0; c < 3; ++c)
        for (std::int64_t y = 0; y < 16; ++y)
          for (std::int64_t x = 0; x < 16; ++x) {
            double mean = 0;
            for (int i = -1; i <= 1; ++i)
              for (int j = -1; j <= 1; ++j) mean += sample(sharp[n][c], double(y + i), double(x + j)) / 9;
            const auto at = test::number(sharp[n][c][y][x]);
            see(mean - at, test::number(blurred[n][c][y][x]) - at);
          }
    };
    each([&](double whole, double found) { along += whole * found, square += whole * whole; });
    const double share = along / square;
    each([&](double whole, double found) { worst = std::max(worst, std::abs(found - share * whole)); });
    BOOST_TEST(worst < 1e-12);
    BOOST_TEST((share >= 0.5 && share <= 1));
    shares.push_back(share);
  }
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  BOOST_TEST(*most - *least > 0.2);
  BOOST_TEST(same_bits(CropViews{.noise = 0, .blur = 0.08}.show(images, Stream{2, 3}), sharp));  // 1 pixel: nothing
}

BOOST_AUTO_TEST_CASE(noise_is_not_clamped_again) {
  const auto images = torch::ones({1, 3, 16, 16}, torch::kFloat64);
  BOOST_TEST(test::number(CropViews{}.show(images, Stream{1, 0}).max()) > 1.05);
}

BOOST_AUTO_TEST_CASE(the_gradient_reaches_the_images_through_both_views) {
  const auto probe = random({2, 3, 5, 5}, 2);
  test::check_gradient(
      [&](const Tensor& x) {
        return (CropViews{.blur = 0.6}.show(x, Stream{1, 0}) * probe).sum();
      },
      random({1, 3, 5, 5}, 1));
}

BOOST_AUTO_TEST_SUITE_END()
