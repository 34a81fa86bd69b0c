#include "nada/formats/caption.hpp"

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <set>
#include <string>

#include "nada/formats/canvas.hpp"
#include "nada/formats/picture.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_caption)

using namespace nada;

namespace {

/// Rows of a picture, '#' for each pixel that is not white.
std::string drawn(const Picture& picture) {
  std::string out;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x)
      out += picture.pixels.at(static_cast<std::size_t>(3 * (y * picture.width + x))) == 255 ? '.' : '#';
    out += '\n';
  }
  return out;
}

std::string letter(const std::string& text) {
  auto canvas = make_canvas(5, caption_height);
  draw_caption(canvas, text, 0, 0);
  return drawn(canvas);
}

}  // namespace

BOOST_AUTO_TEST_CASE(letters_are_drawn_from_the_corner_that_is_named) {
  auto canvas = make_canvas(14, 10);
  draw_caption(canvas, "Ag", 1, 1);
  BOOST_TEST(drawn(canvas) ==
             "..............\n"
             "..###.........\n"
             ".#...#........\n"
             ".#...#..####..\n"
             ".#####.#...#..\n"
             ".#...#.#...#..\n"
             ".#...#..####..\n"
             ".#...#.....#..\n"
             "........###...\n"
             "..............\n");
}

BOOST_AUTO_TEST_CASE(every_letter_is_its_own_and_others_are_question_marks) {
  std::set<std::string> shapes;
  for (char c = ' '; c <= '~'; ++c) shapes.insert(letter(std::string(1, c)));
  BOOST_TEST(shapes.size() == 95U);
  BOOST_TEST(letter("\u00e4") == letter("?"));
  BOOST_TEST(letter("\t") == letter("?"));
  BOOST_TEST(letter(" ").find('#') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(widths_are_those_of_what_is_drawn) {
  BOOST_TEST(caption_width("") == 0);
  BOOST_TEST(caption_width("a") == 5);
  BOOST_TEST(caption_width("top-6") == 29);
  BOOST_TEST(caption_width("top-6", 3) == 87);
  BOOST_TEST(caption_width("\u00e4b") == 11);
}

BOOST_AUTO_TEST_CASE(larger_scales_draw_squares_in_the_colour_and_what_is_outside_is_left_out) {
  auto canvas = make_canvas(10, 16), large = make_canvas(10, 16);
  auto one = make_canvas(5, 8);
  draw_caption(one, "R", 0, 0);
  draw_caption(large, "R", 0, 0, 2);
  BOOST_TEST(drawn(enlarge(one, 2)) == drawn(large));
  draw_caption(canvas, "R", -100, 0, 2);
  draw_caption(canvas, "R", 0, 15, 2);
  BOOST_TEST(drawn(canvas).substr(0, 150).find('#') == std::string::npos);
  draw_caption(one, "R", 0, 0, 1, {7, 8, 9});
  BOOST_TEST(one.pixels[1] == 8);
  BOOST_TEST(error_of([&] { draw_caption(one, "R", 0, 0, 0); }) == "a caption of scale 0, expected at least 1");
}

BOOST_AUTO_TEST_SUITE_END()
