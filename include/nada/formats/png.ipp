// Bodies of png.hpp.
#pragma once
#include "nada/formats/png.hpp"

#include <malloc.h>
#include <png.h>
#include <setjmp.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/exif.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {

/// PngSession is one libpng session. libpng reports errors by longjmp, which must not pass objects with destructors:
/// all calls of libpng go through attempt(), whose frames hold plain data only and share nothing but this object.
struct PngSession {
  png_structp png = nullptr;
  png_infop info = nullptr;
  bool writing = false;
  std::span<const std::byte> input;          // what is left to read
  std::vector<std::byte>* output = nullptr;  // what has been written
  std::uint8_t* pixels = nullptr;            // [height, row_bytes]
  png_size_t row_bytes = 0;
  png_uint_32 width = 0, height = 0;
  png_textp texts = nullptr;
  int text_count = 0;
  png_bytep exif = nullptr;
  png_uint_32 exif_size = 0;
  std::size_t allowance = std::numeric_limits<std::size_t>::max();  // bytes that libpng may still allocate
  char message[200] = "";

  explicit PngSession(bool write);
  PngSession(const PngSession&) = delete;
  PngSession& operator=(const PngSession&) = delete;
  ~PngSession() { release(); }

  /// Runs `body`, which must hold no objects. Returns false where libpng gave up; `message` then holds the reason.
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

NADA_INLINE PngSession::PngSession(bool write) : writing(write) {
  const auto create = write ? png_create_write_struct_2 : png_create_read_struct_2;
  png = create(PNG_LIBPNG_VER_STRING, this, on_error, on_warning, this, on_allocate, on_free);
  if (png != nullptr) info = png_create_info_struct(png);
  if (info == nullptr) {
    release();
    fail("libpng cannot start: out of memory, or not the version that this program was built for");
  }
}

NADA_INLINE bool PngSession::attempt(void (*body)(PngSession&)) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  body(*this);
  return true;
}

NADA_INLINE void PngSession::on_error(png_structp png, png_const_charp text) {
  auto* const self = static_cast<PngSession*>(png_get_error_ptr(png));
  if (self->message[0] == '\0') std::snprintf(self->message, sizeof self->message, "%s", text);
  png_longjmp(png, 1);
}

NADA_INLINE void PngSession::on_read(png_structp png, png_bytep out, png_size_t size) {
  auto* const self = static_cast<PngSession*>(png_get_io_ptr(png));
  if (size > self->input.size()) png_error(png, "it is cut off");
  std::memcpy(out, self->input.data(), size);
  self->input = self->input.subspan(size);
}

NADA_INLINE void PngSession::on_write(png_structp png, png_bytep bytes, png_size_t size) {
  auto* const self = static_cast<PngSession*>(png_get_io_ptr(png));
  bool stored = true;
  try {
    const auto* const first = reinterpret_cast<const std::byte*>(bytes);
    self->output->insert(self->output->end(), first, first + size);
  } catch (...) {
    stored = false;
  }
  if (!stored) png_error(png, "out of memory");
}

NADA_INLINE png_voidp PngSession::on_allocate(png_structp png, png_alloc_size_t size) {
  auto* const self = static_cast<PngSession*>(png_get_mem_ptr(png));
  if (size > self->allowance) {
    std::snprintf(self->message, sizeof self->message, "it asks for more memory than a file of its size has reason to");
    return nullptr;
  }
  void* const block = std::malloc(size);
  if (block != nullptr) self->allowance -= std::min(self->allowance, ::malloc_usable_size(block));
  return block;
}

NADA_INLINE void PngSession::on_free(png_structp png, png_voidp block) {
  static_cast<PngSession*>(png_get_mem_ptr(png))->allowance += ::malloc_usable_size(block);
  std::free(block);
}

NADA_INLINE void PngSession::release() {
  if (png == nullptr) return;
  if (writing)
    png_destroy_write_struct(&png, &info);
  else
    png_destroy_read_struct(&png, &info, nullptr);
}

/// Runs one part of a decoding.
/// Errors:  libpng gave up, or gave a warning that counts as an error here.
NADA_INLINE void decode_step(PngSession& session, std::string_view what, void (*body)(PngSession&)) {
  if (!session.attempt(body) || session.message[0] != '\0')
    fail(what, ": is not a complete PNG picture: ", session.message);
}

/// Reads everything before the pixels.
/// Errors:  a picture that is too large, for `limits` or for its bytes.
NADA_INLINE void read_png_header(PngSession& session, std::string_view what, PictureLimits limits) {
  const auto size = session.input.size();
  session.allowance = (std::size_t{16} << 20) + size;  // chunks are announced and packed, so they can lie
  decode_step(session, what, [](PngSession& s) {
    png_set_read_fn(s.png, &s, PngSession::on_read);
    png_set_user_limits(s.png, 0x7FFFFFFF, 0x7FFFFFFF);  // the limit on pixels is ours
    png_set_chunk_cache_max(s.png, 32);                  // text chunks that are kept, of at most 8 MB each
    png_set_keep_unknown_chunks(s.png, PNG_HANDLE_CHUNK_NEVER, reinterpret_cast<png_const_bytep>("iCCP\0sPLT"), 2);
    png_read_info(s.png, s.info);
    s.width = png_get_image_width(s.png, s.info);
    s.height = png_get_image_height(s.png, s.info);
  });
  check_limits(what, session.width, session.height, limits);
  // Deflate makes at most 1032 bytes of one byte; the check keeps a small file from asking for much memory.
  const auto packed = std::uint64_t{png_get_rowbytes(session.png, session.info)} * session.height;
  require(packed / 1032 <= size, what, ": is not a complete PNG picture: ", session.width, "x", session.height,
          " pixels cannot be in ", size, " bytes");
  session.allowance += std::size_t{64} * session.width;  // a few rows of 8 bytes a pixel
}

/// Reads the pixels, composited on white, and the chunks behind the pixels.
NADA_INLINE Picture read_png_pixels(PngSession& session, std::string_view what) {
  decode_step(session, what, [](PngSession& s) {
    png_set_expand(s.png);
    png_set_scale_16(s.png);
    png_set_gray_to_rgb(s.png);
    png_set_interlace_handling(s.png);
    png_read_update_info(s.png, s.info);
    s.row_bytes = png_get_rowbytes(s.png, s.info);
  });
  const std::size_t channels = png_get_channels(session.png, session.info);
  require((channels == 3 || channels == 4) && session.row_bytes == channels * session.width, what,
          ": libpng gave rows of ", session.row_bytes, " bytes for ", session.width, " pixels");
  Picture picture{static_cast<int>(session.width), static_cast<int>(session.height), {}, {}};
  picture.pixels.resize(std::size_t{session.width} * session.height * channels);
  session.pixels = picture.pixels.data();
  decode_step(session, what, [](PngSession& s) {
    const int passes = png_get_interlace_type(s.png, s.info) == PNG_INTERLACE_ADAM7 ? 7 : 1;
    for (int pass = 0; pass < passes; ++pass)
      for (png_uint_32 y = 0; y < s.height; ++y) png_read_row(s.png, s.pixels + s.row_bytes * y, nullptr);
    png_read_end(s.png, s.info);
    s.text_count = png_get_text(s.png, s.info, &s.texts, nullptr);
    if (png_get_eXIf_1(s.png, s.info, &s.exif_size, &s.exif) == 0) s.exif_size = 0;
  });
  if (channels == 4)
    merge_fourth_channel(picture,
                         [](int colour, int alpha) { return divide_by_255(colour * alpha + 255 * (255 - alpha)); });
  return picture;
}

/// Returns the text chunks that were read; of several chunks with one keyword, the first.
NADA_INLINE Metadata texts_of(const PngSession& session) {
  Metadata words;
  for (const auto& entry : std::span(session.texts, static_cast<std::size_t>(session.text_count))) {
    const bool international =
        entry.compression == PNG_ITXT_COMPRESSION_NONE || entry.compression == PNG_ITXT_COMPRESSION_zTXt;
    const std::string_view text =
        entry.text == nullptr ? std::string_view{}
                              : std::string_view(entry.text, international ? entry.itxt_length : entry.text_length);
    words.emplace(utf8_of_latin1(entry.key), international && is_utf8(text) ? std::string(text) : utf8_of_latin1(text));
  }
  return words;
}

NADA_INLINE Picture decode_png(std::span<const std::byte> bytes, std::string_view what, PictureLimits limits) {
  PngSession session(false);
  session.input = bytes;
  read_png_header(session, what, limits);
  auto picture = read_png_pixels(session, what);
  picture.text = texts_of(session);
  const auto exif = std::as_bytes(std::span(session.exif, session.exif_size));
  return oriented(std::move(picture), exif_orientation(exif));
}

/// PngWords hold the words of a text chunk, because libpng wants them in memory that it could change.
struct PngWords {
  std::string key, value, none;
};

/// Returns `text` in the form that PNG takes.
/// Errors:  as encode_png.
NADA_INLINE std::vector<PngWords> png_words(const Metadata& text) {
  std::vector<PngWords> words;
  for (const auto& [key, value] : text) {
    const auto latin1 = latin1_of_utf8(key);
    const auto printable = [](char c) {
      const auto code = static_cast<unsigned char>(c);
      return (code >= 0x20 && code < 0x7F) || code > 0xA0;
    };
    require(latin1 && !latin1->empty() && latin1->size() <= 79 &&
                std::all_of(latin1->begin(), latin1->end(), printable) && latin1->front() != ' ' &&
                latin1->back() != ' ' && latin1->find("  ") == latin1->npos,
            "expected a PNG keyword of 1 to 79 printable Latin-1 characters, found ", in_quotes(key));
    require(is_utf8(value) && value.find('\0') == value.npos, "the PNG text ", in_quotes(key),
            " must be UTF-8 without NUL, found ", in_quotes(value));
    words.push_back({*latin1, value, {}});
  }
  return words;
}

}  // namespace detail

NADA_INLINE std::vector<std::byte> encode_png(const Picture& picture) {
  detail::check_picture(picture, "write");
  auto words = detail::png_words(picture.text);
  std::vector<png_text> texts(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    texts[i].compression = PNG_ITXT_COMPRESSION_NONE;
    texts[i].key = words[i].key.data();
    texts[i].text = words[i].value.data();
    texts[i].itxt_length = words[i].value.size();
    texts[i].lang = texts[i].lang_key = words[i].none.data();
  }
  std::vector<std::byte> bytes;
  detail::PngSession session(true);
  session.output = &bytes;
  session.width = static_cast<png_uint_32>(picture.width);
  session.height = static_cast<png_uint_32>(picture.height);
  session.row_bytes = std::size_t{3} * session.width;
  session.pixels = const_cast<std::uint8_t*>(picture.pixels.data());  // libpng reads them only
  session.texts = texts.data();
  session.text_count = static_cast<int>(texts.size());
  const bool written = session.attempt([](detail::PngSession& s) {
    png_set_write_fn(s.png, &s, detail::PngSession::on_write, detail::PngSession::on_flush);
    png_set_user_limits(s.png, 0x7FFFFFFF, 0x7FFFFFFF);
    png_set_IHDR(s.png, s.info, s.width, s.height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (s.text_count > 0) png_set_text(s.png, s.info, s.texts, s.text_count);
    png_write_info(s.png, s.info);
    for (png_uint_32 y = 0; y < s.height; ++y) png_write_row(s.png, s.pixels + s.row_bytes * y);
    png_write_end(s.png, s.info);
  });
  if (!written)
    fail("a picture of ", picture.width, "x", picture.height, " pixels cannot be written as PNG: ", session.message);
  return bytes;
}

}  // namespace nada
