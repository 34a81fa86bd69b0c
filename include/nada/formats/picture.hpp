/// Pictures in memory, always 8-bit RGB, and what they are held to.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nada/formats/file.hpp"

namespace nada {

/// Picture is a picture in memory; it is well formed if both sides are at least 1 and `pixels` has the size width x
/// height x 3.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3] RGB, rows top to bottom
  Metadata text;                     // PNG text chunks by keyword, UTF-8; JPEG files carry none
};

/// PictureLimits say how large a picture may be; readers check the limits before they decode.
struct PictureLimits {
  std::int64_t pixels = 64'000'000;
};

namespace detail {

/// Errors:  a `picture` that is not well formed; the sentence says what was to be done with the picture ("write").
void check_picture(const Picture& picture, std::string_view verb);

/// Errors:  a side below 1, or more pixels than `limits` allow; the sentence starts with `what`.
void check_limits(std::string_view what, std::int64_t width, std::int64_t height, PictureLimits limits);

/// Returns value / 255, rounded; `value` in [0, 255 * 255].
inline std::uint8_t divide_by_255(int value) { return static_cast<std::uint8_t>((value + 127) / 255); }

/// Merges the fourth of four channels, [height, width, 4] -> [height, width, 3]: each colour
/// becomes blend(colour, fourth).
template <class Blend>
void merge_fourth_channel(Picture& picture, Blend blend) {
  const auto count = picture.pixels.size() / 4;
  auto* const rgb = picture.pixels.data();  // in place: the writing never overtakes the reading
  for (std::size_t i = 0; i < count; ++i) {
    const int fourth = rgb[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = blend(int{rgb[4 * i + c]}, fourth);
  }
  picture.pixels.resize(count * 3);
  picture.pixels.shrink_to_fit();
}

}  // namespace detail

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/picture.ipp"
#endif
