#include "nada/formats/canvas.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_canvas)

using namespace nada;

namespace {

std::array<int, 3> pixel(const Picture& picture, int x, int y) {
  const auto at = static_cast<std::size_t>(3 * (y * picture.width + x));
  return {picture.pixels.at(at), picture.pixels.at(at + 1), picture.pixels.at(at + 2)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(tiles_are_pasted_and_clipped) {
  const auto tile = make_canvas(2, 2, {1, 2, 3});
  for (int left = -3; left <= 5; ++left)
    for (int top = -3; top <= 4; ++top) {
      auto canvas = make_canvas(4, 3);
      paste(canvas, tile, left, top);
      for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 4; ++x) {
          const bool inside = x >= left && x < left + 2 && y >= top && y < top + 2;
          BOOST_TEST((pixel(canvas, x, y) == (inside ? std::array{1, 2, 3} : std::array{255, 255, 255})));
        }
    }
  auto canvas = make_canvas(4, 3);
  constexpr int far = std::numeric_limits<int>::max();
  paste(canvas, tile, far, far);
  paste(canvas, tile, -far - 1, -far - 1);
  BOOST_TEST((canvas.pixels == make_canvas(4, 3).pixels));
}

BOOST_AUTO_TEST_CASE(a_picture_is_enlarged_by_whole_pixels) {
  const Picture small{2, 1, {1, 2, 3, 4, 5, 6}, {{"k", "v"}}};
  const auto large = enlarge(small, 2);
  BOOST_TEST(large.width == 4);
  BOOST_TEST(large.height == 2);
  BOOST_TEST((large.pixels ==
              std::vector<std::uint8_t>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  BOOST_TEST((large.text == small.text));
  BOOST_TEST(error_of([&] { enlarge(small, 0); }) == "cannot enlarge a picture of 2x1 pixels by 0");
  BOOST_TEST(error_of([&] { enlarge(small, 2'000'000'000); }).starts_with("cannot enlarge"));
  BOOST_TEST(error_of([] { make_canvas(50'000, 50'000); }) == "cannot make a picture of 50000x50000 pixels");
  BOOST_TEST(error_of([] { make_canvas(0, 1); }) == "cannot make a picture of 0x1 pixels");
}

BOOST_AUTO_TEST_SUITE_END()
