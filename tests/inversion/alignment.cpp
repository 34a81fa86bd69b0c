#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "nada/formats/picture.hpp"
#include "nada/inversion/alignment.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(inversion_alignment)

using namespace nada;

namespace {

/// A grey picture with discs of one colour each: the eyes red and green, the mouth blue.
Picture face_photo(int width, int height, const FacePoints& points, double radius) {
  Picture out{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3, 100), {}};
  const std::array<Point, 3> middles{points.left_eye, points.right_eye, points.mouth};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (std::size_t k = 0; k < 3; ++k) {
        const double inside = radius + 0.5 - length(Point{x + 0.5, y + 0.5} - middles[k]);  // antialiased edge
        const double share = std::min(1.0, std::max(0.0, inside));
        auto* const pixel = &out.pixels[static_cast<std::size_t>(y * width + x) * 3];
        for (std::size_t c = 0; c < 3; ++c)
          pixel[c] = static_cast<std::uint8_t>(std::lround(pixel[c] + share * ((c == k ? 255 : 0) - pixel[c])));
      }
  return out;
}

/// The middle of what has more of one channel than of the two others.
Point middle_of(const Picture& picture, std::size_t channel) {
  Point sum;
  double all = 0;
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      const auto* const pixel = &picture.pixels[static_cast<std::size_t>(y * picture.width + x) * 3];
      const double more = pixel[channel] - 0.5 * (pixel[(channel + 1) % 3] + pixel[(channel + 2) % 3]);
      if (more < 8) continue;
      sum = sum + more * Point{x + 0.5, y + 0.5};
      all += more;
    }
  return (1 / all) * sum;
}

/// A face whose eyes are 2 apart and whose mouth is 2 below them, turned, scaled and shifted.
FacePoints face(double turn, double scale, Point at) {
  const auto place = [&](double x, double y) {
    return at +
           Point{scale * (std::cos(turn) * x - std::sin(turn) * y), scale * (std::sin(turn) * x + std::cos(turn) * y)};
  };
  return {place(-1, -1), place(1, -1), place(0, 1)};
}

Picture noise(int width, int height) {
  Picture out{width, height, {}, {}};
  std::uint32_t state = 7;
  for (int i = 0; i < width * height * 3; ++i)
    out.pixels.push_back(static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_face_that_was_turned_scaled_and_shifted_comes_back_upright) {
  const Framing framing;
  const int size = 128;
  // Eyes 4 / 2 apart in a square of 4 eye distances: where the formula of FFHQ puts them.
  const double side = 8, eyes_y = 0.5 + (-1 - (-1 + 0.1 * 2)) / side, mouth_y = 0.5 + (1 - (-1 + 0.1 * 2)) / side;
  for (const double turn : {0.0, 0.3, -1.2, 3.0})
    for (const double scale : {14.0, 40.0})
      for (const auto at : {Point{200, 180}, Point{170.3, 201.6}}) {
        BOOST_TEST_CONTEXT("turned by " << turn << ", scaled by " << scale << ", at " << at.x << ", " << at.y) {
          const auto points = face(turn, scale, at);
          const auto photo = face_photo(400, 400, points, 0.3 * scale);
          const auto found = cut_out(photo, face_quadrangle(points, framing), size);
          const std::array<Point, 3> expected{Point{size * (0.5 - 1 / side), size * eyes_y},
                                              Point{size * (0.5 + 1 / side), size * eyes_y},
                                              Point{size * 0.5, size * mouth_y}};
          for (std::size_t k = 0; k < 3; ++k) BOOST_TEST(length(middle_of(found, k) - expected[k]) < 0.5);
        }
      }
}

BOOST_AUTO_TEST_CASE(the_quadrangle_is_that_of_ffhq) {
  // Numbers of recreate_aligned_images with eyes (100, 120) and (160, 110), mouth (140, 190), in Python.
  const auto square = face_quadrangle({{100, 120}, {160, 110}, {140, 190}});
  const double ex = 60, ey = -10, mx = 10, my = 75;
  double x = ex + my, y = ey - mx;
  const double half = std::max(2.0 * std::hypot(ex, ey), 1.8 * std::hypot(mx, my)), l = std::hypot(x, y);
  x *= half / l, y *= half / l;
  BOOST_TEST(length(square.at(0, 0) - Point{131 - x + y, 122.5 - y - x}) < 1e-9);
  BOOST_TEST(length(square.at(0, 1) - Point{131 - x - y, 122.5 - y + x}) < 1e-9);
  BOOST_TEST(length(square.at(1, 1) - Point{131 + x - y, 122.5 + y + x}) < 1e-9);
  BOOST_TEST(square.side() == 2 * half, boost::test_tools::tolerance(1e-12));
  const auto p = square.inside(square.at(0.3, 0.8));
  BOOST_TEST(length(p - Point{0.3, 0.8}) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_square_of_pixels_is_cut_out_as_it_is) {
  const auto photo = noise(120, 100);
  const auto found = cut_out(photo, {{60, 50}, {8, 0}, {0, 8}}, 16);
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16 * 3; ++x)
      BOOST_REQUIRE(int{found.pixels[static_cast<std::size_t>(y * 48 + x)]} ==
                    int{photo.pixels[static_cast<std::size_t>((42 + y) * 360 + 52 * 3 + x)]});
}

BOOST_AUTO_TEST_CASE(outside_the_photo_is_reflected_and_blurred) {
  auto photo = noise(40, 40);
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 40; ++x)
      for (int c = 0; c < 3; ++c)
        photo.pixels[static_cast<std::size_t>((y * 40 + x) * 3 + c)] = static_cast<std::uint8_t>(x % 2 == 0 ? 220 : 20);
  // Half of the square lies left of the photo.
  const auto found = cut_out(photo, {{0, 20}, {16, 0}, {0, 16}}, 32);
  const auto contrast = [&](int from) {
    int sum = 0;
    for (int x = from; x < from + 4; ++x)
      sum += std::abs(int{found.pixels[static_cast<std::size_t>(16 * 96 + 3 * x)]} -
                      int{found.pixels[static_cast<std::size_t>(16 * 96 + 3 * x + 3)]});
    return sum / 4;
  };
  BOOST_TEST(contrast(27) == 200);  // far inside nothing changes
  BOOST_TEST(contrast(0) < 60);     // far outside it is the median colour
  BOOST_TEST(contrast(10) < 190);   // between, less than inside and more than outside
  BOOST_TEST(contrast(10) > contrast(0));
}

BOOST_AUTO_TEST_CASE(what_is_put_back_leaves_the_rest_bit_for_bit) {
  const auto before = noise(200, 160);
  const auto square = face_quadrangle(face(0.4, 12, {90, 80}));
  const Picture made{32, 32, std::vector<std::uint8_t>(32 * 32 * 3, 255), {}};
  auto photo = before;
  put_back(photo, made, square);
  int changed = 0;
  for (int y = 0; y < 160; ++y)
    for (int x = 0; x < 200; ++x)
      for (int c = 0; c < 3; ++c) {
        const auto i = static_cast<std::size_t>((y * 200 + x) * 3 + c);
        const auto p = square.inside({x + 0.5, y + 0.5});
        const double edge = std::min({p.x, p.y, 1 - p.x, 1 - p.y});
        if (edge <= 0) {
          BOOST_REQUIRE(int{photo.pixels[i]} == int{before.pixels[i]});
        } else if (edge >= 0.08) {
          BOOST_REQUIRE(int{photo.pixels[i]} == 255);
        } else {
          BOOST_REQUIRE(int{photo.pixels[i]} >= int{before.pixels[i]});
          changed += photo.pixels[i] != before.pixels[i];
        }
      }
  BOOST_TEST(changed > 1000);  // the feathered edge
}

BOOST_AUTO_TEST_CASE(a_cut_that_is_put_back_is_the_photo_again) {
  const auto points = face(0.5, 16, {100, 100});
  const auto before = face_photo(200, 200, points, 6);
  auto photo = before;
  const auto square = face_quadrangle(points);
  put_back(photo, cut_out(before, square, 256), square);
  double squares = 0;
  for (std::size_t i = 0; i < photo.pixels.size(); ++i) squares += std::pow(photo.pixels[i] - before.pixels[i], 2);
  BOOST_TEST(std::sqrt(squares / static_cast<double>(photo.pixels.size())) < 6);
}

BOOST_AUTO_TEST_CASE(points_come_as_three_five_or_sixty_eight) {
  const auto three = read_points("10,20 30,20 20,40", "points");
  const auto five = read_points("10 20\n30 20\n20 30\n14 40\n26 40\n", "points");
  std::string many = "# a landmark file\n";
  for (int i = 0; i < 68; ++i)
    many += i >= 36 && i < 42   ? "10 20\n"
            : i >= 42 && i < 48 ? "30;20\n"
            : i == 48           ? "14 40\n"
            : i == 54           ? "26 40\n"
                                : "0 0\n";
  for (const auto& found : {three, five, read_points(many, "points")}) {
    BOOST_TEST(length(found.left_eye - Point{10, 20}) < 1e-12);
    BOOST_TEST(length(found.right_eye - Point{30, 20}) < 1e-12);
    BOOST_TEST(length(found.mouth - Point{20, 40}) < 1e-12);
  }
  BOOST_TEST(points_text(three) == "10,20 30,20 20,40");
  BOOST_TEST(error_of([] { read_points("1,2 3,4", "points"); }) ==
             "points: expected 3, 5 or 68 points, x before y, found 4 numbers");
  BOOST_TEST(error_of([] { read_points("1,2 3,four", "points"); }) == "points: expected numbers, found 'four'");
  BOOST_TEST(error_of([] { read_points("30,20 10,20 20,40", "points"); }).starts_with("the face is mirrored"));
  BOOST_TEST(error_of([] {
               read_points("10,20 30,20 50,20", "points");
             }).starts_with("the eyes and the mouth are on one line"));
}

BOOST_AUTO_TEST_SUITE_END()
