// Bodies of jpeg.hpp.
#pragma once
#include "nada/formats/jpeg.hpp"

#include <cstdio>  // libjpeg's header needs it

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/exif.hpp"

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
    constexpr std::string_view exif("Exif\0\0", 6);
    if (marker == 0xE1 && facts.orientation == 1 && segment.size() >= exif.size() &&
        std::memcmp(segment.data(), exif.data(), exif.size()) == 0)
      facts.orientation = exif_orientation(segment.subspan(exif.size()));
    at += 2 + length;
  }
  return facts;
}

/// JpegSession is one decoding by libjpeg. libjpeg reports errors through functions that must not return: they longjmp
/// to decode(), whose frames hold plain data only.
///
/// Warnings of libjpeg are of two kinds. Those that lose no pixel pass: other SOS parameters than a sequential picture
/// has (Samsung's phones write Se = 0), an unknown JFIF revision or Adobe transform, a progression that repeats bits,
/// bytes between the segments. Those that tell of missing or wrong data end the decoding.
struct JpegSession {
  std::span<const std::byte> input;
  std::uint8_t* pixels = nullptr;  // [height, width, channels]
  std::size_t channels = 3;
  int width = 0, height = 0;
  char message[JMSG_LENGTH_MAX] = "";

  /// Returns false where libjpeg gave up; `message` then holds the reason.
  bool decode();

 private:
  struct Manager {
    jpeg_error_mgr errors;
    jmp_buf target;
    JpegSession* session;
  };
  static constexpr int most_scans = 500;  // a small file can ask for a great many passes over a large picture

  static bool is_harmless(int code) {
    return code == JWRN_ADOBE_XFORM || code == JWRN_BOGUS_PROGRESSION || code == JWRN_EXTRANEOUS_DATA ||
           code == JWRN_JFIF_MAJOR || code == JWRN_NOT_SEQUENTIAL;
  }
  [[noreturn]] static void on_error(j_common_ptr info);
  static void on_message(j_common_ptr info, int level);
  static void on_progress(j_common_ptr info);
  void read(jpeg_decompress_struct& info) const;
};

NADA_INLINE void JpegSession::on_error(j_common_ptr info) {
  auto* const manager = reinterpret_cast<Manager*>(info->err);
  if (manager->session->message[0] == '\0') manager->errors.format_message(info, manager->session->message);
  longjmp(manager->target, 1);
}

NADA_INLINE void JpegSession::on_message(j_common_ptr info, int level) {
  if (level < 0 && !is_harmless(info->err->msg_code)) on_error(info);
}

NADA_INLINE void JpegSession::on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= most_scans) return;
  auto* const manager = reinterpret_cast<Manager*>(info->err);
  std::snprintf(manager->session->message, sizeof manager->session->message, "it has more than %d scans", most_scans);
  on_error(info);
}

NADA_INLINE void JpegSession::read(jpeg_decompress_struct& info) const {
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels + std::size_t{info.output_scanline} * info.output_width * channels;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
}

NADA_INLINE bool JpegSession::decode() {
  jpeg_decompress_struct info{};
  jpeg_progress_mgr progress{};
  Manager manager{};
  manager.session = this;
  info.err = jpeg_std_error(&manager.errors);
  manager.errors.error_exit = on_error;
  manager.errors.emit_message = on_message;
  progress.progress_monitor = on_progress;
  if (setjmp(manager.target) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  info.progress = &progress;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(input.data()), static_cast<unsigned long>(input.size()));
  jpeg_read_header(&info, TRUE);
  info.out_color_space = channels == 4 ? JCS_CMYK : JCS_EXT_RGB;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  const auto expected_width = width, expected_height = height;
  width = static_cast<int>(info.output_width);
  height = static_cast<int>(info.output_height);
  if (width == expected_width && height == expected_height) read(info);
  jpeg_destroy_decompress(&info);
  return true;
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
  const bool cmyk = facts.components == 4;
  const std::size_t channels = cmyk ? 4 : 3;
  Picture picture{facts.width, facts.height, {}, {}};
  picture.pixels.resize(count * channels);
  JpegSession session{.input = bytes,
                      .pixels = picture.pixels.data(),
                      .channels = channels,
                      .width = picture.width,
                      .height = picture.height};
  if (!session.decode()) fail(what, ": is not a complete JPEG picture: ", session.message);
  require(session.width == picture.width && session.height == picture.height, what,
          ": is not a complete JPEG picture: its size is told twice, and differently");
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
