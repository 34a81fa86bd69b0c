#include "nada/formats/picture_resize.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/formats/images.hpp"
#include "nada/formats/safetensors.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"

BOOST_AUTO_TEST_SUITE(formats_picture_resize)

using namespace nada;

namespace {

/// A picture whose pixels all differ a little; red is x, green is y.
Picture ramp(int width, int height) {
  Picture picture{.width = width, .height = height, .pixels = {}, .text = {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const int value : {x, y, 7 * x + 13 * y}) picture.pixels.push_back(static_cast<std::uint8_t>(value));
  return picture;
}

Picture grey_row(std::vector<std::uint8_t> values) {
  Picture picture{.width = static_cast<int>(values.size()), .height = 1, .pixels = {}, .text = {}};
  for (const auto value : values) picture.pixels.insert(picture.pixels.end(), 3, value);
  return picture;
}

/// Compares the targets' middle squares with Pillow's, which the file holds normalised as CLIP reads them.
void check_pictures(const std::filesystem::path& folder) {
  const auto file = Safetensors::open(folder / "losses.safetensors");
  const auto bytes = file.at("target_preprocessed").bytes;
  std::vector<float> expected(bytes.size() / sizeof(float));  // [3, 3, 64, 64]
  std::memcpy(expected.data(), bytes.data(), bytes.size());
  BOOST_TEST_REQUIRE(expected.size() == 3U * 3 * 64 * 64);
  constexpr std::array mean = {0.48145466, 0.4578275, 0.40821073}, deviation = {0.26862954, 0.26130258, 0.27577711};
  int different = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    const auto square = centre_square(read_picture(folder / "targets" / ("target" + std::to_string(n) + ".png")), 64);
    for (std::size_t i = 0; i < square.pixels.size(); ++i) {
      const std::size_t pixel = i / 3, channel = i % 3;
      const double golden = expected[(n * 3 + channel) * 64 * 64 + pixel] * deviation[channel] + mean[channel];
      different += std::abs(golden * 255 - square.pixels[i]) > 0.01;
    }
  }
  BOOST_TEST(different == 0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_picture_at_its_own_size_stays_as_it_is) {
  const auto picture = ramp(9, 5);
  BOOST_TEST((resize(picture, 9, 5).pixels == picture.pixels));
}

BOOST_AUTO_TEST_CASE(one_colour_stays_one_colour) {
  Picture picture{.width = 13, .height = 7, .pixels = {}, .text = {}};
  for (int i = 0; i < 13 * 7; ++i) picture.pixels.insert(picture.pixels.end(), {255, 0, 77});
  for (const auto [width, height] : {std::array{5, 5}, std::array{40, 3}, std::array{1, 1}, std::array{14, 100}}) {
    const auto result = resize(picture, width, height);
    BOOST_TEST_REQUIRE(result.pixels.size() == std::size_t{3} * width * height);
    for (std::size_t i = 0; i < result.pixels.size(); i += 3)
      BOOST_TEST((result.pixels[i] == 255 && result.pixels[i + 1] == 0 && result.pixels[i + 2] == 77));
  }
}

BOOST_AUTO_TEST_CASE(a_step_overshoots_as_the_cubic_does) {
  // Twice as wide: the filter at distances 1.75, .75, .25, 1.25 from a sample, cut off and scaled to 1 at the ends.
  const auto row = resize(grey_row({100, 100, 200, 200}), 8, 1);
  const std::vector<std::uint8_t> expected = {100, 98, 93, 120, 180, 207, 202, 200};
  for (std::size_t x = 0; x < 8; ++x) BOOST_TEST(row.pixels[3 * x] == expected[x]);
}

BOOST_AUTO_TEST_CASE(rows_and_columns_are_treated_alike) {
  const auto row = resize(grey_row({3, 250, 9, 80, 81, 200, 0}), 4, 1);
  auto column = grey_row({3, 250, 9, 80, 81, 200, 0});
  std::swap(column.width, column.height);
  BOOST_TEST((resize(column, 1, 4).pixels == row.pixels));
}

BOOST_AUTO_TEST_CASE(a_crop_is_the_part_that_was_named) {
  const auto part = crop(ramp(9, 5), 2, 1, 3, 4);
  BOOST_TEST_REQUIRE(part.pixels.size() == 3U * 3 * 4);
  BOOST_TEST(part.pixels[0] == 2);
  BOOST_TEST(part.pixels[1] == 1);
  BOOST_TEST(part.pixels[3 * 11] == 4);
  BOOST_TEST(part.pixels[3 * 11 + 1] == 4);
}

BOOST_AUTO_TEST_CASE(the_middle_square_rounds_its_offset_to_even) {
  const std::array<int, 3> widths = {11, 13, 15};  // 8 pixels high: 1.5, 2.5 and 3.5 pixels beside the square
  const std::array<int, 3> offsets = {2, 2, 4};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto square = centre_square(ramp(widths[i], 8), 8);
    BOOST_TEST(square.width == 8);
    BOOST_TEST(square.height == 8);
    BOOST_TEST(square.pixels[0] == offsets[i]);
  }
  BOOST_TEST(centre_square(ramp(100, 80), 64).pixels.size() == 3U * 64 * 64);
  BOOST_TEST(centre_square(ramp(1, 9), 4).width == 4);
}

BOOST_AUTO_TEST_CASE(sizes_that_make_no_picture_are_errors) {
  const auto picture = ramp(9, 5);
  BOOST_TEST(error_of([&] { resize(picture, 0, 5); }) == "cannot resize: the picture has no pixels (0x5)");
  BOOST_TEST(error_of([&] { resize(picture, 100'000, 100'000); }).find("expected at most 64000000") !=
             std::string::npos);
  BOOST_TEST(error_of([&] { resize(picture, 2'000'000'000, 1); }).find("expected at most 64000000") !=
             std::string::npos);
  BOOST_TEST(error_of([&] { crop(picture, 7, 0, 3, 3); }) ==
             "cannot crop 3x3 pixels at (7, 0) from a picture of 9x5 pixels");
  BOOST_TEST(!error_of([&] { crop(picture, -1, 0, 3, 3); }).empty());
  BOOST_TEST(!error_of([&] { centre_square(picture, 0); }).empty());
  BOOST_TEST(!error_of([&] { centre_square(picture, 2'000'000'000); }).empty());
  BOOST_TEST(!error_of([] { resize(Picture{}, 3, 3); }).empty());
}

BOOST_AUTO_TEST_CASE(pictures_of_the_golden_file_agree) { check_pictures(test::kept_golden() / "clip"); }
BOOST_AUTO_TEST_CASE(pictures_of_the_full_golden_file_agree,
                     *boost::unit_test::precondition(test::full_golden_is_there)) {
  check_pictures(test::full_golden() / "clip");
}

BOOST_AUTO_TEST_SUITE_END()
