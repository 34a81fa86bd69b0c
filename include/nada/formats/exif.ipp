// Bodies of exif.hpp.
#pragma once
#include "nada/formats/exif.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "nada/core/config.hpp"

namespace nada::detail {

NADA_INLINE int exif_orientation(std::span<const std::byte> tiff) {
  if (tiff.size() < 8) return 1;
  const auto byte = [&](std::size_t at) { return std::to_integer<std::uint32_t>(tiff[at]); };
  const bool little = byte(0) == 'I';
  const auto number = [&](std::size_t at, std::size_t size) {  // the caller has checked the range
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | byte(at + (little ? size - 1 - i : i));
    return value;
  };
  if (byte(1) != byte(0) || (!little && byte(0) != 'M') || number(2, 2) != 42) return 1;
  const std::size_t directory = number(4, 4);
  if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
  const std::size_t entries = std::min<std::size_t>(number(directory, 2), (tiff.size() - directory - 2) / 12);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + 12 * i;
    if (number(at, 2) != 0x0112) continue;  // Orientation
    const auto type = number(at + 2, 2);
    const std::size_t size = type == 3 ? 2 : type == 4 ? 4 : type == 1 ? 1 : 0;  // SHORT, LONG, BYTE
    const auto value = size > 0 ? number(at + 8, size) : 1;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

NADA_INLINE Picture oriented(Picture stored, int orientation) {
  if (orientation <= 1) return stored;
  // For each orientation: are the axes swapped, and do x and y of the stored picture run backwards?
  struct Rule {
    bool swap, flip_x, flip_y;
  };
  constexpr std::array<Rule, 9> rules{{{},
                                       {false, false, false},
                                       {false, true, false},
                                       {false, true, true},
                                       {false, false, true},
                                       {true, false, false},
                                       {true, false, true},
                                       {true, true, true},
                                       {true, true, false}}};
  const auto rule = rules.at(static_cast<std::size_t>(orientation));
  const int width = stored.width, height = stored.height;
  Picture seen{rule.swap ? height : width, rule.swap ? width : height, {}, std::move(stored.text)};
  seen.pixels.resize(stored.pixels.size());
  auto* out = seen.pixels.data();
  for (int y = 0; y < seen.height; ++y)
    for (int x = 0; x < seen.width; ++x, out += 3) {
      int from_x = rule.swap ? y : x, from_y = rule.swap ? x : y;
      if (rule.flip_x) from_x = width - 1 - from_x;
      if (rule.flip_y) from_y = height - 1 - from_y;
      const auto from =
          (static_cast<std::size_t>(from_y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(from_x)) * 3;
      std::copy_n(stored.pixels.begin() + static_cast<std::ptrdiff_t>(from), 3, out);
    }
  return seen;
}

}  // namespace nada::detail
