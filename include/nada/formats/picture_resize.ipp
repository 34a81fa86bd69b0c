// Bodies of picture_resize.hpp.
#pragma once
#include "nada/formats/picture_resize.hpp"

#include <algorithm>
#include <cmath>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {
NADA_INLINE double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

NADA_INLINE std::vector<ExactTaps> exact_bicubic_taps(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double widened = std::max(scale, 1.0);
  const double reach = 2 * widened;
  std::vector<ExactTaps> all(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - reach + 0.5), 0);
    const int last = std::min(static_cast<int>(centre + reach + 0.5), from);
    auto& taps = all[static_cast<std::size_t>(i)];
    taps.first = first;
    double sum = 0;
    for (int j = first; j < last; ++j) {
      taps.weights.push_back(bicubic((j - centre + 0.5) * (1 / widened)));
      sum += taps.weights.back();
    }
    if (sum != 0)
      for (auto& weight : taps.weights) weight /= sum;
  }
  return all;
}

NADA_INLINE std::vector<Taps> bicubic_taps(int from, int to) {
  std::vector<Taps> all;
  for (const auto& exact : exact_bicubic_taps(from, to)) {
    auto& taps = all.emplace_back();
    taps.first = exact.first;
    for (const double weight : exact.weights) {
      const double scaled = weight * (1 << weight_bits);
      taps.weights.push_back(static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return all;
}

NADA_INLINE std::vector<std::uint8_t> resampled(const std::vector<std::uint8_t>& bytes, std::size_t outer, int from,
                                                int to, std::size_t inner) {
  if (from == to) return bytes;
  const auto all = bicubic_taps(from, to);
  std::vector<std::uint8_t> result(outer * static_cast<std::size_t>(to) * inner);
  std::vector<std::int32_t> sums(inner);  // at most 255 * 2^22 * 1.5
  auto* out = result.data();
  for (std::size_t o = 0; o < outer; ++o) {
    for (const auto& taps : all) {
      std::fill(sums.begin(), sums.end(), 1 << (weight_bits - 1));
      const auto* in =
          bytes.data() + (o * static_cast<std::size_t>(from) + static_cast<std::size_t>(taps.first)) * inner;
      for (const std::int32_t weight : taps.weights)
        for (auto& sum : sums) sum += weight * *in++;
      for (const std::int32_t sum : sums) *out++ = static_cast<std::uint8_t>(std::clamp(sum >> weight_bits, 0, 255));
    }
  }
  return result;
}

}  // namespace detail

NADA_INLINE Picture resize(const Picture& picture, int width, int height) {
  detail::check_picture(picture, "resize");
  detail::check_limits("cannot resize", width, height, {});
  detail::check_limits("cannot resize", width, picture.height, {});  // between the two passes
  Picture result{.width = width, .height = height, .pixels = {}, .text = {}};
  const auto rows =
      detail::resampled(picture.pixels, static_cast<std::size_t>(picture.height), picture.width, width, 3);
  result.pixels = detail::resampled(rows, 1, picture.height, height, static_cast<std::size_t>(width) * 3);
  return result;
}

NADA_INLINE Picture crop(const Picture& picture, int left, int top, int width, int height) {
  detail::check_picture(picture, "crop");
  require(left >= 0 && top >= 0 && width >= 1 && height >= 1 && left <= picture.width - width &&
              top <= picture.height - height,
          "cannot crop ", width, "x", height, " pixels at (", left, ", ", top, ") from a picture of ", picture.width,
          "x", picture.height, " pixels");
  Picture result{.width = width, .height = height, .pixels = {}, .text = {}};
  result.pixels.reserve(std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = top; y < top + height; ++y) {
    const auto offset =
        3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) + static_cast<std::size_t>(left));
    const auto row = picture.pixels.begin() + static_cast<std::ptrdiff_t>(offset);
    result.pixels.insert(result.pixels.end(), row, row + std::ptrdiff_t{3} * width);
  }
  return result;
}

NADA_INLINE Picture centre_square(const Picture& picture, int size) {
  detail::check_picture(picture, "resize");
  require(size >= 1, "cannot resize a picture to ", size, "x", size, " pixels");
  const auto edge = [&](std::int64_t length) {
    const std::int64_t result = length * size / std::min(picture.width, picture.height);
    require(result <= PictureLimits{}.pixels, "cannot resize a picture to an edge of ", result, " pixels");
    return static_cast<int>(result);
  };
  const int width = edge(picture.width), height = edge(picture.height);
  const auto offset = [&](int length) {
    const int half = (length - size) / 2;
    return (length - size) % 2 != 0 && half % 2 != 0 ? half + 1 : half;
  };
  return crop(resize(picture, width, height), offset(width), offset(height), size, size);
}

}  // namespace nada
