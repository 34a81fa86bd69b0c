// Bodies of jpeg.hpp.
#pragma once
#include "nada/formats/jpeg.hpp"

#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

inline std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

/// What the markers of a JPEG file say.
struct JpegFacts {
  int width = 0, height = 0, components = 0;
  int orientation = 1;    // EXIF, 1 to 8
  bool complete = false;  // the end marker was reached
};

/// Returns the orientation in an APP1 segment's content, 1 where the segment has none.
NADA_INLINE int exif_orientation(std::span<const std::byte> segment) {
  constexpr std::size_t start = 6;
  if (segment.size() < start + 8 || std::memcmp(segment.data(), "Exif\0\0", start) != 0) return 1;
  const auto tiff = segment.subspan(start);
  const bool little = byte_at(tiff, 0) == 'I';
  const auto number = [&](std::size_t at, std::size_t size) {  // the caller has checked the range
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | byte_at(tiff, at + (little ? size - 1 - i : i));
    return value;
  };
  if (byte_at(tiff, 1) != byte_at(tiff, 0) || (!little && byte_at(tiff, 0) != 'M') || number(2, 2) != 42) return 1;
  const std::size_t directory = number(4, 4);
  if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
  const std::size_t entries = std::min<std::size_t>(number(directory, 2), (tiff.size() - directory - 2) / 12);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + 12 * i;
    if (number(at, 2) != 0x0112 || number(at + 2, 2) != 3) continue;  // Orientation, SHORT
    const auto value = number(at + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

/// Walks the markers from start to end without decoding.
NADA_INLINE JpegFacts jpeg_facts(std::span<const std::byte> bytes) {
  JpegFacts facts;
  for (std::size_t at = 2; at + 1 < bytes.size();) {
    const int marker = byte_at(bytes, at + 1);
    // Between segments lies nothing, or the scan, where a marker is FF followed by neither 0, FF nor a restart
    // (D0 to D7).
    if (byte_at(bytes, at) != 0xFF || marker == 0 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD8) ||
        marker == 1) {
      ++at;
      continue;
    }
    if (marker == 0xD9) {
      facts.complete = true;
      break;
    }
    if (bytes.size() - at < 4) break;
    const std::size_t length = std::size_t{byte_at(bytes, at + 2)} << 8 | byte_at(bytes, at + 3);
    if (length < 2 || bytes.size() - at - 2 < length) break;
    const auto segment = bytes.subspan(at + 4, length - 2);
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && facts.components == 0 && segment.size() >= 6) {
      facts.height = byte_at(segment, 1) << 8 | byte_at(segment, 2);
      facts.width = byte_at(segment, 3) << 8 | byte_at(segment, 4);
      facts.components = byte_at(segment, 5);
    }
    if (marker == 0xE1 && facts.orientation == 1) facts.orientation = exif_orientation(segment);
    at += 2 + length;
  }
  return facts;
}

/// Returns the picture turned upright from the way it was stored; EXIF orientation in [1, 8].
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

struct TurboRelease {
  void operator()(void* handle) const { tjDestroy(handle); }
  void operator()(unsigned char* buffer) const { tjFree(buffer); }
};
using TurboHandle = std::unique_ptr<void, TurboRelease>;

NADA_INLINE Picture decode_jpeg(std::span<const std::byte> bytes, std::string_view what, PictureLimits limits) {
  const auto facts = jpeg_facts(bytes);
  require(facts.components > 0 && facts.complete, what, ": is not a complete JPEG picture: it is cut off");
  check_limits(what, facts.width, facts.height, limits);
  const auto count = static_cast<std::size_t>(facts.width) * static_cast<std::size_t>(facts.height);
  // A block of 64 pixels takes at least one bit; with arithmetic coding, a few blocks share one bit.
  require(count / 16384 <= bytes.size(), what, ": is not a complete JPEG picture: ", facts.width, "x", facts.height,
          " pixels cannot be in ", bytes.size(), " bytes");
  const TurboHandle turbo(tjInitDecompress());
  require(turbo != nullptr, "TurboJPEG cannot start: out of memory");
  const bool cmyk = facts.components == 4;
  const std::size_t channels = cmyk ? 4 : 3;
  Picture picture{facts.width, facts.height, {}, {}};
  picture.pixels.resize(count * channels);
  const int result = tjDecompress2(turbo.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<unsigned long>(bytes.size()), picture.pixels.data(), facts.width,
                                   facts.width * static_cast<int>(channels), facts.height, cmyk ? TJPF_CMYK : TJPF_RGB,
                                   TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  if (result != 0) {
    const std::string_view message = tjGetErrorStr2(turbo.get());
    const bool harmless = tjGetErrorCode(turbo.get()) == TJERR_WARNING && message.find("extraneous") != message.npos;
    require(harmless, what, ": is not a complete JPEG picture: ", message);
  }
  if (cmyk)  // stored inverted, as Adobe's programs write CMYK and as all readers expect
    merge_fourth_channel(picture, [](int ink, int black) { return divide_by_255(ink * black); });
  return oriented(std::move(picture), facts.orientation);
}

}  // namespace detail

NADA_INLINE std::vector<std::byte> encode_jpeg(const Picture& picture, int quality) {
  detail::check_picture(picture, "write");
  require(quality >= 1 && quality <= 100, "the JPEG quality must be in [1, 100], found ", quality);
  require(picture.width <= 65500 && picture.height <= 65500, "a JPEG picture has sides of at most 65500 pixels, found ",
          picture.width, "x", picture.height);
  const detail::TurboHandle turbo(tjInitCompress());
  require(turbo != nullptr, "TurboJPEG cannot start: out of memory");
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const int result = tjCompress2(turbo.get(), picture.pixels.data(), picture.width, 3 * picture.width, picture.height,
                                 TJPF_RGB, &buffer, &size, TJSAMP_444, quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, detail::TurboRelease> owner(buffer);
  require(result == 0, "a picture of ", picture.width, "x", picture.height,
          " pixels cannot be written as JPEG: ", tjGetErrorStr2(turbo.get()));
  const auto* const first = reinterpret_cast<const std::byte*>(buffer);
  return {first, first + size};
}

}  // namespace nada
