// Bodies of images.hpp.
#pragma once
#include "nada/formats/images.hpp"

#include <malloc.h>
#include <setjmp.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {
NADA_INLINE void check_picture(const Picture& picture, std::string_view verb) {
  require(picture.width >= 1 && picture.height >= 1 &&
              picture.pixels.size() / 3 / static_cast<std::size_t>(picture.width) ==
                  static_cast<std::size_t>(picture.height) &&
              picture.pixels.size() ==
                  std::size_t{3} * static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height),
          "cannot ", verb, " a picture of ", picture.width, "x", picture.height, " pixels that has ",
          picture.pixels.size(), " bytes");
}

NADA_INLINE void check_limits(std::string_view what, std::int64_t width, std::int64_t height, PictureLimits limits) {
  require(width > 0 && height > 0, what, ": the picture has no pixels (", width, "x", height, ")");
  require(width <= std::numeric_limits<int>::max() && height <= limits.pixels / width, what, ": the picture is ", width,
          "x", height, " pixels, expected at most ", limits.pixels, " in all");
}

NADA_INLINE std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return out;
}

NADA_INLINE std::optional<std::string> latin1_of_utf8(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      out += text[at];
    } else if (lead <= 0xC3 && at + 1 < text.size()) {
      out += static_cast<char>(((lead & 3) << 6) | (static_cast<unsigned char>(text[++at]) & 0x3F));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

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

NADA_INLINE Picture decode_png(Bytes bytes, std::string_view what, PictureLimits limits) {
  PngSession session(false);
  session.input = bytes;
  session.allowance = (std::size_t{16} << 20) + bytes.size();  // chunks are announced and packed: they can lie
  const auto step = [&](void (*body)(PngSession&)) {
    if (!session.attempt(body) || session.message[0] != '\0')
      fail(what, ": is not a complete PNG picture: ", session.message);
  };
  step([](PngSession& s) {
    png_set_read_fn(s.png, &s, PngSession::on_read);
    png_set_user_limits(s.png, 0x7FFFFFFF, 0x7FFFFFFF);  // the limit on pixels is ours
    png_set_chunk_cache_max(s.png, 32);                  // text chunks that are kept, of at most 8 MB each
    png_set_keep_unknown_chunks(s.png, PNG_HANDLE_CHUNK_NEVER, reinterpret_cast<png_const_bytep>("iCCP\0sPLT"), 2);
    png_read_info(s.png, s.info);
    s.width = png_get_image_width(s.png, s.info);
    s.height = png_get_image_height(s.png, s.info);
  });
  check_limits(what, session.width, session.height, limits);
  // Deflate makes at most 1032 bytes of one, so that a small file cannot ask for much memory.
  const auto packed = std::uint64_t{png_get_rowbytes(session.png, session.info)} * session.height;
  require(packed / 1032 <= bytes.size(), what, ": is not a complete PNG picture: ", session.width, "x", session.height,
          " pixels cannot be in ", bytes.size(), " bytes");
  session.allowance += std::size_t{64} * session.width;  // a few rows of 8 bytes a pixel

  step([](PngSession& s) {
    png_set_expand(s.png);
    png_set_scale_16(s.png);
    png_set_gray_to_rgb(s.png);
    png_set_interlace_handling(s.png);
    png_read_update_info(s.png, s.info);
    s.row_bytes = png_get_rowbytes(s.png, s.info);
  });
  const auto count = std::size_t{session.width} * session.height;
  const std::size_t channels = png_get_channels(session.png, session.info);
  require((channels == 3 || channels == 4) && session.row_bytes == channels * session.width, what,
          ": libpng gave rows of ", session.row_bytes, " bytes for ", session.width, " pixels");
  Picture picture{static_cast<int>(session.width), static_cast<int>(session.height), {}, {}};
  picture.pixels.resize(count * channels);
  session.pixels = picture.pixels.data();
  step([](PngSession& s) {
    const int passes = png_get_interlace_type(s.png, s.info) == PNG_INTERLACE_ADAM7 ? 7 : 1;
    for (int pass = 0; pass < passes; ++pass)
      for (png_uint_32 y = 0; y < s.height; ++y) png_read_row(s.png, s.pixels + s.row_bytes * y, nullptr);
    png_read_end(s.png, s.info);
    s.text_count = png_get_text(s.png, s.info, &s.texts, nullptr);
  });

  if (channels == 4) {
    auto* const rgb = picture.pixels.data();  // in place: writing stays behind reading
    for (std::size_t i = 0; i < count; ++i) {
      const int alpha = rgb[4 * i + 3];
      for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = divide_by_255(rgb[4 * i + c] * alpha + 255 * (255 - alpha));
    }
    picture.pixels.resize(count * 3);
    picture.pixels.shrink_to_fit();
  }
  for (const auto& entry : std::span(session.texts, static_cast<std::size_t>(session.text_count))) {
    const bool international =
        entry.compression == PNG_ITXT_COMPRESSION_NONE || entry.compression == PNG_ITXT_COMPRESSION_zTXt;
    const std::string_view text =
        entry.text == nullptr ? std::string_view{}
                              : std::string_view(entry.text, international ? entry.itxt_length : entry.text_length);
    picture.text.emplace(utf8_of_latin1(entry.key),
                         international && is_utf8(text) ? std::string(text) : utf8_of_latin1(text));
  }
  return picture;
}

NADA_INLINE int exif_orientation(Bytes segment) {
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

NADA_INLINE JpegFacts jpeg_facts(Bytes bytes) {
  JpegFacts facts;
  for (std::size_t at = 2; at + 1 < bytes.size();) {
    const int marker = byte_at(bytes, at + 1);
    // Between segments lies nothing, or the scan, where a marker is FF and neither 0, FF nor a restart (D0 to D7).
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

NADA_INLINE Picture oriented(Picture stored, int orientation) {
  if (orientation <= 1) return stored;
  // For each orientation: swap the axes; then does x, does y of the stored picture run backwards?
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

NADA_INLINE Picture decode_jpeg(Bytes bytes, std::string_view what, PictureLimits limits) {
  const auto facts = jpeg_facts(bytes);
  require(facts.components > 0 && facts.complete, what, ": is not a complete JPEG picture: it is cut off");
  check_limits(what, facts.width, facts.height, limits);
  const auto count = static_cast<std::size_t>(facts.width) * static_cast<std::size_t>(facts.height);
  // A block of 64 pixels takes a bit or more, or a few of them share one where the coding is arithmetic.
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
  if (cmyk) {  // stored inverted, as Adobe's programs do and as everyone reads it
    auto* const rgb = picture.pixels.data();
    for (std::size_t i = 0; i < count; ++i) {
      const int black = rgb[4 * i + 3];
      for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = divide_by_255(rgb[4 * i + c] * black);
    }
    picture.pixels.resize(count * 3);
    picture.pixels.shrink_to_fit();
  }
  return oriented(std::move(picture), facts.orientation);
}

NADA_INLINE std::string beginning(Bytes bytes) {
  if (bytes.empty()) return "an empty file";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 16));
  const auto has = [&](std::size_t at, std::string_view magic) {
    return text.size() > at && text.substr(at).starts_with(magic);
  };
  std::string name;
  if (has(0, "GIF8")) name = "GIF";
  if (has(0, "RIFF") && has(8, "WEBP")) name = "WebP";
  if (has(0, "BM")) name = "BMP";
  if (has(0, std::string_view("II*\0", 4)) || has(0, std::string_view("MM\0*", 4))) name = "TIFF";
  if (has(4, "ftypavif")) name = "AVIF";
  if (has(4, "ftyphei") || has(4, "ftypmif1")) name = "HEIC";
  if (has(0, "%PDF")) name = "PDF";
  if (has(0, "PK\x03\x04")) name = "a zip archive";
  std::string hex;
  for (std::size_t i = 0; i < std::min<std::size_t>(text.size(), 8); ++i) {
    char digits[4];
    std::snprintf(digits, sizeof digits, i == 0 ? "%02X" : " %02X", static_cast<unsigned>(byte_at(bytes, i)));
    hex += digits;
  }
  return name.empty() ? "the bytes " + hex + " " + quoted(text.substr(0, 8)) : name + " (" + hex + ")";
}

}  // namespace detail

NADA_INLINE Picture decode_picture(std::span<const std::byte> bytes, std::string_view what, PictureLimits limits) {
  const auto starts = [&](std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (starts("\x89PNG\r\n\x1A\n")) return detail::decode_png(bytes, what, limits);
  if (starts("\xFF\xD8\xFF")) return detail::decode_jpeg(bytes, what, limits);
  fail(what, ": expected a PNG or JPEG picture, found ", detail::beginning(bytes));
}

NADA_INLINE Picture read_picture(const std::filesystem::path& path, PictureLimits limits) {
  const MappedFile file(path);
  return decode_picture(file.bytes(), path.string(), limits);
}

NADA_INLINE std::vector<std::byte> encode_png(const Picture& picture) {
  detail::check_picture(picture, "write");
  struct Words {
    std::string key, value, none;
  };
  std::vector<Words> words;
  for (const auto& [key, value] : picture.text) {
    const auto latin1 = is_utf8(key) ? detail::latin1_of_utf8(key) : std::nullopt;
    const auto printable = [](char c) {
      const auto code = static_cast<unsigned char>(c);
      return (code >= 0x20 && code < 0x7F) || code > 0xA0;
    };
    require(latin1 && !latin1->empty() && latin1->size() <= 79 &&
                std::all_of(latin1->begin(), latin1->end(), printable) && latin1->front() != ' ' &&
                latin1->back() != ' ' && latin1->find("  ") == latin1->npos,
            "expected a PNG keyword of 1 to 79 printable Latin-1 characters, found ", detail::quoted(key));
    require(is_utf8(value) && value.find('\0') == value.npos, "the PNG text ", detail::quoted(key),
            " must be UTF-8 without NUL, found ", detail::quoted(value));
    words.push_back({*latin1, value, {}});
  }
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

NADA_INLINE void write_picture(const std::filesystem::path& path, const Picture& picture) {
  auto extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool jpeg = extension == ".jpg" || extension == ".jpeg";
  require(jpeg || extension == ".png", "cannot write ", path, ": expected a name that ends in .png, .jpg or .jpeg");
  const auto bytes = jpeg ? encode_jpeg(picture) : encode_png(picture);
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

NADA_INLINE Picture make_canvas(int width, int height, std::array<std::uint8_t, 3> colour) {
  require(width >= 1 && height >= 1 && height <= std::numeric_limits<int>::max() / 3 / width,
          "cannot make a picture of ", width, "x", height, " pixels");
  Picture canvas{width, height, {}, {}};
  canvas.pixels.resize(std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (std::size_t i = 0; i < canvas.pixels.size(); ++i) canvas.pixels[i] = colour[i % 3];
  return canvas;
}

NADA_INLINE void paste(Picture& canvas, const Picture& tile, int left, int top) {
  detail::check_picture(canvas, "paste on");
  detail::check_picture(tile, "paste");
  const auto from_x = std::max<std::int64_t>(0, -std::int64_t{left});
  const auto to_x = std::min<std::int64_t>(tile.width, std::int64_t{canvas.width} - left);
  const auto from_y = std::max<std::int64_t>(0, -std::int64_t{top});
  const auto to_y = std::min<std::int64_t>(tile.height, std::int64_t{canvas.height} - top);
  if (from_x >= to_x) return;
  for (auto y = from_y; y < to_y; ++y)
    std::copy_n(tile.pixels.begin() + 3 * (y * tile.width + from_x), 3 * (to_x - from_x),
                canvas.pixels.begin() + 3 * ((y + top) * canvas.width + from_x + left));
}

NADA_INLINE Picture enlarge(const Picture& picture, int factor) {
  detail::check_picture(picture, "enlarge");
  constexpr int most = std::numeric_limits<int>::max();
  require(factor >= 1 && factor <= most / picture.width && factor <= most / picture.height,
          "cannot enlarge a picture of ", picture.width, "x", picture.height, " pixels by ", factor);
  auto large = make_canvas(picture.width * factor, picture.height * factor);
  large.text = picture.text;
  auto* out = large.pixels.data();
  for (int y = 0; y < large.height; ++y)
    for (int x = 0; x < large.width; ++x, out += 3)
      std::copy_n(picture.pixels.begin() + 3 * (std::ptrdiff_t{y / factor} * picture.width + x / factor), 3, out);
  return large;
}

}  // namespace nada
