/// Pictures as files: PNG (libpng) and JPEG (TurboJPEG), always as 8-bit RGB.
///
/// Reading takes every PNG (grey, palette, 16 bits, alpha, interlaced) and every 8-bit JPEG (grey, CMYK, progressive):
/// alpha is composited on white, EXIF orientation is applied, colour profiles and gamma are ignored, as PIL does.
/// Errors name the file; a picture that is cut off or damaged is an error. Memory stays within what the file's size and
/// PictureLimits justify, whatever its header claims.
#pragma once
#include <png.h>
#include <turbojpeg.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/formats/file.hpp"

namespace nada {

/// A picture in memory; well formed if both sides are at least 1 and `pixels` has the size that it should have.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3] RGB, rows top to bottom
  Metadata text;                     // PNG text chunks by keyword, UTF-8; JPEG files carry none
};

/// What reading accepts; checked before anything is decoded.
struct PictureLimits {
  std::int64_t pixels = 64'000'000;
};

namespace detail {

using Bytes = std::span<const std::byte>;

inline std::uint8_t byte_at(Bytes bytes, std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); }

void check_picture(const Picture& picture, std::string_view verb);

void check_limits(std::string_view what, std::int64_t width, std::int64_t height, PictureLimits limits);

inline std::uint8_t divide_by_255(int value) { return static_cast<std::uint8_t>((value + 127) / 255); }

// ---------------------------------------------------------------------------------------------------------------- PNG

std::string utf8_of_latin1(std::string_view text);

/// `text`, which is UTF-8, as Latin-1; nothing if it has other characters.
std::optional<std::string> latin1_of_utf8(std::string_view text);

/// One libpng session. libpng reports errors by longjmp, which must not pass objects with destructors: everything that
/// it runs goes through attempt(), whose frames hold plain data only, and nothing but this object is shared with it.
struct PngSession {
  png_structp png = nullptr;
  png_infop info = nullptr;
  bool writing = false;
  Bytes input;                               // what is left to read
  std::vector<std::byte>* output = nullptr;  // what has been written
  std::uint8_t* pixels = nullptr;            // [height, row_bytes]
  png_size_t row_bytes = 0;
  png_uint_32 width = 0, height = 0;
  png_textp texts = nullptr;
  int text_count = 0;
  std::size_t allowance = std::numeric_limits<std::size_t>::max();  // bytes that libpng may still allocate
  char message[200] = "";

  explicit PngSession(bool write);
  PngSession(const PngSession&) = delete;
  PngSession& operator=(const PngSession&) = delete;
  ~PngSession() { release(); }

  /// Runs `body`, which must hold no objects; false if libpng gave up, with the reason in `message`.
  bool attempt(void (*body)(PngSession&));

  static void on_error(png_structp png, png_const_charp text);
  static void on_warning(png_structp, png_const_charp) {}
  static void on_read(png_structp png, png_bytep out, png_size_t size);
  static void on_write(png_structp png, png_bytep bytes, png_size_t size);
  static void on_flush(png_structp) {}
  static png_voidp on_allocate(png_structp png, png_alloc_size_t size);
  static void on_free(png_structp png, png_voidp block);

 private:
  void release();
};

Picture decode_png(Bytes bytes, std::string_view what, PictureLimits limits);

// --------------------------------------------------------------------------------------------------------------- JPEG

struct JpegFacts {
  int width = 0, height = 0, components = 0;
  int orientation = 1;    // EXIF, 1 to 8
  bool complete = false;  // the end marker was reached
};

/// The orientation in an APP1 segment's content, 1 if it has none.
int exif_orientation(Bytes segment);

/// Walks the markers from start to end without decoding.
JpegFacts jpeg_facts(Bytes bytes);

/// The picture as it should be seen, given how it was stored; EXIF orientation in [1, 8].
Picture oriented(Picture stored, int orientation);

struct TurboRelease {
  void operator()(void* handle) const { tjDestroy(handle); }
  void operator()(unsigned char* buffer) const { tjFree(buffer); }
};
using TurboHandle = std::unique_ptr<void, TurboRelease>;

Picture decode_jpeg(Bytes bytes, std::string_view what, PictureLimits limits);

/// What the first bytes of something that is no picture look like: "GIF (47 49 46 38 ...)".
std::string beginning(Bytes bytes);

}  // namespace detail

/// A picture from the bytes of a PNG or JPEG file, known by their beginning; `what` names it in errors.
Picture decode_picture(std::span<const std::byte> bytes, std::string_view what, PictureLimits limits = {});

/// A picture from a file. Errors: as MappedFile and decode_picture.
Picture read_picture(const std::filesystem::path& path, PictureLimits limits = {});

/// A PNG file, with the text as iTXt chunks. Errors: a picture that is not well formed; a keyword that PNG does not
/// allow (1 to 79 printable Latin-1 characters, single blanks inside); a text with a NUL or invalid UTF-8.
std::vector<std::byte> encode_png(const Picture& picture);

/// A JPEG file without chroma subsampling; the text is not in it. quality in [1, 100]. Errors: a picture that is not
/// well formed or has a side above 65500.
std::vector<std::byte> encode_jpeg(const Picture& picture, int quality = 92);

/// Writes a picture as what its extension says: .png, .jpg or .jpeg. Errors: another extension; as the encoders and
/// AtomicFile.
void write_picture(const std::filesystem::path& path, const Picture& picture);

/// A picture of one colour.
Picture make_canvas(int width, int height, std::array<std::uint8_t, 3> colour = {255, 255, 255});

/// Puts `tile` over `canvas` with its corner at (left, top); what lies outside is left out.
void paste(Picture& canvas, const Picture& tile, int left, int top);

/// Each pixel as a square of `factor` by `factor`. The text goes along. Errors: a factor below 1 or a result too large.
Picture enlarge(const Picture& picture, int factor);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/images.ipp"
#endif
