#include "nada/experiment/ablation_grid.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/formats/canvas.hpp"
#include "nada/formats/caption.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture.hpp"
#include "support/ablation_example.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_ablation_grid)

using namespace nada;

namespace {

using Colour = std::array<int, 3>;

Colour pixel(const Picture& picture, int x, int y) {
  const auto at = static_cast<std::size_t>(3 * (y * picture.width + x));
  return {picture.pixels.at(at), picture.pixels.at(at + 1), picture.pixels.at(at + 2)};
}

Picture tile(std::uint8_t shade) { return make_canvas(32, 32, {shade, 0, 0}); }

/// Whether a part of a picture has a black pixel.
bool has_ink(const Picture& picture, int left, int top, int width, int height) {
  for (int y = top; y < top + height; ++y)
    for (int x = left; x < left + width; ++x)
      if (pixel(picture, x, y) == Colour{0, 0, 0}) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_have_names_and_blocks_have_titles) {
  const auto grid = captioned_grid({"source", "both"}, {{"ink", {{tile(1), tile(2)}, {tile(3), tile(4)}}},
                                                        {"a long name of a target", {{tile(5)}, {tile(6)}}}});
  const int left = caption_width("source", 2) + 8, top = 24;
  BOOST_TEST(grid.height == top + 128);
  BOOST_TEST(grid.width == left + 128 + 4 + caption_width("a long name of a target", 2) + 4);
  BOOST_TEST(pixel(grid, left, top) == (Colour{1, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(pixel(grid, left + 127, top + 127) == (Colour{4, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(pixel(grid, left + 132, top + 63) == (Colour{5, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(pixel(grid, left + 132, top + 64) == (Colour{6, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(has_ink(grid, 0, top + 16, left, 32));    // source
  BOOST_TEST(has_ink(grid, 0, top + 80, left, 32));    // both
  BOOST_TEST(!has_ink(grid, 0, top + 48, left, 32));   // between them
  BOOST_TEST(has_ink(grid, left, 0, 40, top));         // ink
  BOOST_TEST(has_ink(grid, left + 132, 0, 100, top));  // the long name
}

BOOST_AUTO_TEST_CASE(blocks_must_fit_each_other) {
  BOOST_TEST(error_of([] { captioned_grid({}, {}); }) == "a grid needs a picture");
  BOOST_TEST(error_of([] { captioned_grid({"one"}, {{"ink", {}}}); }) == "a grid of 1 rows, but ink has 0");
  BOOST_TEST(error_of([] {
               captioned_grid({"one"}, {{"ink", {{tile(1)}}}, {"oil", {{make_canvas(64, 65)}}}});
             }) == "the pictures of a grid must have one size");
}

BOOST_AUTO_TEST_CASE(cells_of_another_size_are_enlarged_to_the_source) {
  test::AblationExample example;
  example.options.generator = embedded_folder() / "generator_64.safetensors";
  const auto plan = example.plan({"full", "early"});
  for (std::int64_t n = 0; n < plan.size(); ++n) {
    const int side = n % 2 == 0 ? 64 : 32;
    write_picture(plan.picture(n), make_canvas(static_cast<int>(samples_of_picture) * side, side, {200, 0, 0}));
  }
  const auto grids = write_grids(plan);
  BOOST_TEST_REQUIRE(grids.size() == 3U);
  const auto grid = read_picture(grids[1]);  // zombie: source, full, early
  BOOST_TEST(grid.height == 24 + 3 * 64);
  const int right = grid.width - 10;
  BOOST_TEST(pixel(grid, right, 24 + 64 + 32) == (Colour{200, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(pixel(grid, right, 24 + 128 + 60) == (Colour{200, 0, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
