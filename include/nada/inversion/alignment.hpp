/// Faces of photos, turned upright and cut out as generators learned them, and put back.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include "nada/formats/picture.hpp"

namespace nada {

/// Point is a place in a picture, in pixels from its upper left corner: the middle of the first pixel is (0.5, 0.5).
struct Point {
  double x = 0, y = 0;
};
inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator*(double s, Point a) { return {s * a.x, s * a.y}; }
double length(Point a);

/// FacePoints say where the eyes and the mouth are. `left` is the eye that is at the left in an upright picture.
struct FacePoints {
  Point left_eye, right_eye, mouth;

  /// Errors:  eyes and mouth on one line; a mirrored face, whose eyes are swapped.
  void check() const;
};

/// Reads points from a text of numbers, parted by blanks, commas or line ends, each x before y; lines that begin with #
/// are passed over. There may be
///     3 points    left eye, right eye, mouth
///     5 points    left eye, right eye, nose, left and right corner of the mouth (as MTCNN and RetinaFace give them)
///     68 points   the landmarks of dlib, of which eyes and corners of the mouth count
/// Errors:  another number of points; what is no number; as FacePoints::check. `what` names the text.
FacePoints read_points(std::string_view text, const std::string& what);
/// Reads the points of a landmark file, where there is a file of that name, else the name itself as points.
FacePoints read_points(const std::string& points_or_file);
/// Returns the points as a text that read_points() reads.
std::string points_text(const FacePoints& points);

/// Framing says how large and how high the square of a face is, in multiples of the distance of its eyes (`eyes`) or of
/// eyes and mouth (`mouth`), whichever is more; its middle is `down` of the way from the eyes to the mouth. The defaults are
/// FFHQ's.
struct Framing {
  double eyes = 4, mouth = 3.6, down = 0.1;
};

/// Quadrangle is a square in a picture that may be turned: its middle, and the half sides along its rows and columns.
struct Quadrangle {
  Point middle, right, down;

  double side() const { return 2 * length(right); }
  /// Returns the place (u, v) in [0, 1]^2 as a point of the picture, and back.
  Point at(double u, double v) const { return middle + (2 * u - 1) * right + (2 * v - 1) * down; }
  Point inside(Point p) const;
};

/// Returns the square of a face:
///     x = (right eye - left eye) - turned(mouth - eyes), its length set to half of the side
/// Source:  Karras et al., A Style-Based Generator Architecture, arXiv:1812.04948, appendix C; the recipe of FFHQ's
///          dataset (NVlabs/ffhq-dataset, download_ffhq.py, recreate_aligned_images).
Quadrangle face_quadrangle(const FacePoints& points, const Framing& framing = {});

/// Cuts a square out of a picture, upright, at `size` x `size` pixels. Where the square reaches beyond the picture, the
/// picture is reflected, and blurred toward its median colour, the more the farther outside, as FFHQ does.
/// Facts:   a square that is not turned, of the size of its result and inside the picture, gives the picture's pixels.
/// Errors:  a square without area, or of more than 16384 pixels a side.
Picture cut_out(const Picture& picture, const Quadrangle& square, int size);

/// Puts `made`, of any size, back into the place where cut_out() took a square from. Its edge is feathered over `feather`
/// of the side.
/// Facts:   pixels outside the square stay as they are, bit for bit.
void put_back(Picture& picture, const Picture& made, const Quadrangle& square, double feather = 0.08);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/inversion/alignment.ipp"
#endif
