// Fuzz target: pictures, as they came and, where they are PNG, once more with checksums that fit. The limit on pixels
// is low, because a small file may well hold a large picture of one colour.
#include "nada/formats/images.hpp"

#include <zlib.h>

#include <string>

#include "fuzz.hpp"
#include "nada/core/unicode.hpp"

using namespace nada;

namespace {

void read(fuzz::Bytes bytes) {
  fuzz::attempt("input", bytes.size(), [&] {
    const auto picture = decode_picture(bytes, "input", {.pixels = 1'000'000});
    detail::check_picture(picture, "read");
    for (const auto& [key, value] : picture.text)
      fuzz::hold(is_utf8(key) && is_utf8(value), "a text that is not UTF-8");
  });
}

std::string repaired(std::string_view bytes) {
  std::string out(bytes);
  const auto big_endian = [&](std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(out[at + i]);
    return number;
  };
  for (std::size_t at = 8; out.size() >= 12 && at <= out.size() - 12;) {
    const auto length = std::size_t{big_endian(at)};
    if (length > out.size() - 12 - at) break;
    const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(out.data() + at + 4), length + 4);
    for (std::size_t i = 0; i < 4; ++i) out[at + 8 + length + i] = static_cast<char>(crc >> (24 - 8 * i) & 0xFF);
    at += 12 + length;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_input(data, size);
  read(bytes);
  if (size < 8 || data[0] != 0x89) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto better = repaired(text);
  if (better != text) read(std::as_bytes(std::span(better)));
  return 0;
}
