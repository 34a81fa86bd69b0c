// Bodies of alignment.hpp.
#pragma once
#include "nada/inversion/alignment.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/picture_resize.hpp"

namespace nada {

NADA_INLINE double length(Point a) { return std::hypot(a.x, a.y); }

namespace detail {

inline double cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }

/// Returns the numbers of a text; lines that begin with # are passed over.
NADA_INLINE std::vector<double> numbers_of(std::string_view text, const std::string& what) {
  std::vector<double> out;
  bool line_start = true;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '#' && line_start) {
      i = std::min(text.size(), text.find('\n', i));
    } else if (c == '\n' || c == '\r') {
      line_start = true;
      ++i;
    } else if (c == ' ' || c == '\t' || c == ',' || c == ';') {
      ++i;
    } else {
      line_start = false;
      double value = 0;
      const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), value);
      require(error == std::errc() && std::isfinite(value), what, ": expected numbers, found '",
              std::string(text.substr(i, 16)), "'");
      out.push_back(value);
      i = static_cast<std::size_t>(end - text.data());
    }
  }
  return out;
}

/// Returns the mean of the points `first` to `last` of a list of numbers.
NADA_INLINE Point mean_point(const std::vector<double>& numbers, std::size_t first, std::size_t last) {
  Point sum;
  for (auto i = first; i <= last; ++i) sum = sum + Point{numbers[2 * i], numbers[2 * i + 1]};
  return (1.0 / static_cast<double>(last - first + 1)) * sum;
}

/// Returns the place in [0, n - 1] where a coordinate is after reflections at the middles of the outermost pixels.
NADA_INLINE double reflected(double x, int n) {
  if (n == 1) return 0;
  const double period = 2.0 * (n - 1);
  x = std::fabs(std::fmod(x, period));
  return x > n - 1 ? period - x : x;
}

/// Returns the bilinear colour at a place, in pixels from the middle of the first one; outside, the picture is reflected.
NADA_INLINE std::array<double, 3> colour_at(const Picture& picture, double x, double y) {
  x = reflected(x, picture.width);
  y = reflected(y, picture.height);
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const int x1 = std::min(x0 + 1, picture.width - 1), y1 = std::min(y0 + 1, picture.height - 1);
  const double a = x - x0, b = y - y0;
  const auto pixel = [&](int row, int column, std::size_t c) {
    return static_cast<double>(picture.pixels[(static_cast<std::size_t>(row) * static_cast<std::size_t>(picture.width) +
                                               static_cast<std::size_t>(column)) *
                                                  3 +
                                              c]);
  };
  std::array<double, 3> out{};
  for (std::size_t c = 0; c < 3; ++c)
    out[c] = (1 - b) * ((1 - a) * pixel(y0, x0, c) + a * pixel(y0, x1, c)) +
             b * ((1 - a) * pixel(y1, x0, c) + a * pixel(y1, x1, c));
  return out;
}

/// Outside says how far a square reaches beyond the sides of a picture, at least 0.3 of its own side each.
struct Outside {
  double left, top, right, bottom;
  int width, height;

  Outside(const Picture& picture, const Quadrangle& square) : width(picture.width), height(picture.height) {
    const double least = std::max(1.0, std::rint(0.3 * square.side()));
    left = top = right = bottom = least;
    for (const double u : {0.0, 1.0})
      for (const double v : {0.0, 1.0}) {
        const auto p = square.at(u, v);
        left = std::max(left, -p.x);
        top = std::max(top, -p.y);
        right = std::max(right, p.x - width);
        bottom = std::max(bottom, p.y - height);
      }
  }
  /// Returns whether the square reaches what is blurred: the outside, and a third of that width inside.
  bool is_reached(const Quadrangle& square) const {
    for (const double u : {0.0, 1.0})
      for (const double v : {0.0, 1.0})
        if ((*this)(square.at(u, v)) > -1.0 / 3) return true;
    return false;
  }
  /// Returns 0 at the picture's edge, 1 as far outside as the square reaches, below 0 inside.
  double operator()(Point p) const {
    return std::max({-p.x / left, -p.y / top, (p.x - width) / right, (p.y - height) / bottom});
  }
};

/// Blurs channels [3, n, n] by a Gaussian of deviation `sigma` pixels; the edges are reflected.
NADA_INLINE Tensor blurred(const Tensor& channels, double sigma) {
  const auto reach = std::min<std::int64_t>(static_cast<std::int64_t>(std::ceil(4 * sigma)), channels.size(1) - 1);
  if (reach < 1) return channels;
  const auto x = torch::arange(-reach, reach + 1, torch::kFloat32);
  auto kernel = (-0.5 * (x / sigma).square()).exp();
  kernel = kernel / kernel.sum();
  const auto n = 2 * reach + 1;
  auto y = at::reflection_pad2d(channels.unsqueeze(1), {reach, reach, reach, reach});
  y = at::conv2d(at::conv2d(y, kernel.view({1, 1, 1, n})), kernel.view({1, 1, n, 1}));
  return y.squeeze(1);
}

}  // namespace detail

NADA_INLINE void FacePoints::check() const {
  const auto across = right_eye - left_eye, along = mouth - 0.5 * (left_eye + right_eye);
  const double area = detail::cross(across, along);
  require(std::isfinite(area) && std::fabs(area) > 1e-3 * length(across) * length(along) && length(across) > 0,
          "the eyes and the mouth are on one line, so the points show no face");
  require(area > 0, "the face is mirrored: the eye at the left of the picture comes first, then the eye at the right");
}

NADA_INLINE FacePoints read_points(std::string_view text, const std::string& what) {
  const auto numbers = detail::numbers_of(text, what);
  const auto mean = [&](std::size_t first, std::size_t last) { return detail::mean_point(numbers, first, last); };
  FacePoints out;
  if (numbers.size() == 6) {
    out = {mean(0, 0), mean(1, 1), mean(2, 2)};
  } else if (numbers.size() == 10) {
    out = {mean(0, 0), mean(1, 1), mean(3, 4)};
  } else if (numbers.size() == 136) {
    out = {mean(36, 41), mean(42, 47), 0.5 * (mean(48, 48) + mean(54, 54))};
  } else {
    fail(what, ": expected 3, 5 or 68 points, x before y, found ", numbers.size(), " numbers");
  }
  out.check();
  return out;
}

NADA_INLINE std::string points_text(const FacePoints& points) {
  char text[160];
  std::snprintf(text, sizeof text, "%.9g,%.9g %.9g,%.9g %.9g,%.9g", points.left_eye.x, points.left_eye.y,
                points.right_eye.x, points.right_eye.y, points.mouth.x, points.mouth.y);
  return text;
}

NADA_INLINE Point Quadrangle::inside(Point p) const {
  const auto off = p - middle;
  const double area = detail::cross(right, down);
  return {0.5 + 0.5 * detail::cross(off, down) / area, 0.5 + 0.5 * detail::cross(right, off) / area};
}

NADA_INLINE Quadrangle face_quadrangle(const FacePoints& points, const Framing& framing) {
  points.check();
  const auto eyes = 0.5 * (points.left_eye + points.right_eye);
  const auto across = points.right_eye - points.left_eye, along = points.mouth - eyes;
  auto x = across - Point{-along.y, along.x};
  x = (std::max(framing.eyes * length(across), framing.mouth * length(along)) / 2 / length(x)) * x;
  return {eyes + framing.down * along, x, {-x.y, x.x}};
}

NADA_INLINE Picture cut_out(const Picture& picture, const Quadrangle& square, int size) {
  detail::check_picture(picture, "cut a square out of");
  const double side = square.side();
  require(std::isfinite(side) && side > 0 && side <= 16384 && size >= 1, "a square of ", side, " pixels at ", size,
          ": expected at most 16384, and one pixel or more");
  const int fine = size * std::max(1, static_cast<int>(std::ceil(side / size - 1e-9)));  // a sample a pixel, or more
  const detail::Outside outside(picture, square);
  const double sigma = 0.02 * fine;
  const bool beyond = outside.is_reached(square);
  const int margin = beyond ? static_cast<int>(std::ceil(3 * sigma)) : 0;  // so that the blur sees what is around
  const int n = fine + 2 * margin;
  auto channels = torch::empty({3, n, n});
  auto share = torch::empty({1, n, n});
  auto* const colour = channels.data_ptr<float>();
  auto* const far = share.data_ptr<float>();
  const auto plane = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
  for (int row = 0; row < n; ++row)
    for (int column = 0; column < n; ++column) {
      const auto p = square.at((column - margin + 0.5) / fine, (row - margin + 0.5) / fine);
      const auto found = detail::colour_at(picture, p.x - 0.5, p.y - 0.5);
      const auto place = static_cast<std::size_t>(row) * static_cast<std::size_t>(n) + static_cast<std::size_t>(column);
      for (std::size_t c = 0; c < 3; ++c) colour[c * plane + place] = static_cast<float>(found[c]);
      far[place] = static_cast<float>(outside(p));
    }
  if (beyond) {
    channels = channels + (detail::blurred(channels, sigma) - channels) * (3 * share + 1).clamp(0, 1);
    const auto median = std::get<0>(channels.flatten(1).median(1)).view({3, 1, 1});
    channels = channels + (median - channels) * share.clamp(0, 1);
  }
  const auto bytes = channels.slice(1, margin, margin + fine)
                         .slice(2, margin, margin + fine)
                         .permute({1, 2, 0})
                         .add(0.5)
                         .floor()
                         .clamp(0, 255)
                         .to(torch::kUInt8)
                         .contiguous();
  Picture out{fine, fine, {}, {}};
  out.pixels.assign(bytes.data_ptr<std::uint8_t>(), bytes.data_ptr<std::uint8_t>() + bytes.numel());
  return fine == size ? out : resize(out, size, size);
}

NADA_INLINE void put_back(Picture& picture, const Picture& made, const Quadrangle& square, double feather) {
  detail::check_picture(picture, "paste into");
  require(feather >= 0 && feather <= 0.5, "a feathered edge of ", feather, " of the side, expected from 0 to 0.5");
  const int n = std::max(1, static_cast<int>(std::lround(square.side())));
  const auto large = resize(made, n, n);
  double low[2] = {1e9, 1e9}, high[2] = {-1e9, -1e9};
  for (const double u : {0.0, 1.0})
    for (const double v : {0.0, 1.0}) {
      const auto p = square.at(u, v);
      low[0] = std::min(low[0], p.x), high[0] = std::max(high[0], p.x);
      low[1] = std::min(low[1], p.y), high[1] = std::max(high[1], p.y);
    }
  const auto bound = [](double x, int most) { return static_cast<int>(std::clamp(x, 0.0, static_cast<double>(most))); };
  for (int row = bound(std::floor(low[1]), picture.height); row < bound(std::ceil(high[1]), picture.height); ++row)
    for (int column = bound(std::floor(low[0]), picture.width); column < bound(std::ceil(high[0]), picture.width);
         ++column) {
      const auto p = square.inside({column + 0.5, row + 0.5});
      const double edge = std::min({p.x, p.y, 1 - p.x, 1 - p.y});
      if (edge <= 0) continue;
      const double t = feather > 0 ? std::min(1.0, edge / feather) : 1.0, weight = t * t * (3 - 2 * t);
      const auto found = detail::colour_at(large, p.x * n - 0.5, p.y * n - 0.5);
      auto* const pixel =
          picture.pixels.data() +
          (static_cast<std::size_t>(row) * static_cast<std::size_t>(picture.width) + static_cast<std::size_t>(column)) *
              3;
      for (std::size_t c = 0; c < 3; ++c)
        pixel[c] = static_cast<std::uint8_t>(std::clamp(pixel[c] + weight * (found[c] - pixel[c]) + 0.5, 0.0, 255.0));
    }
}

}  // namespace nada
