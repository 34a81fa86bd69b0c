// Bodies of images.hpp.
#pragma once
#include "nada/formats/images.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <string>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {

/// Describes the first bytes of a file that is no picture: "GIF (47 49 46 38 ...)".
NADA_INLINE std::string beginning(std::span<const std::byte> bytes) {
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
    std::snprintf(digits, sizeof digits, i == 0 ? "%02X" : " %02X", std::to_integer<unsigned>(bytes[i]));
    hex += digits;
  }
  return name.empty() ? "the bytes " + hex + " " + in_quotes(text.substr(0, 8)) : name + " (" + hex + ")";
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

}  // namespace nada
