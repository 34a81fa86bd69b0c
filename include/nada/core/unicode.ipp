// Bodies of unicode.hpp.
#pragma once
#include "nada/core/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "nada/core/config.hpp"

namespace nada {

namespace detail {

struct Character {
  char32_t point;
  std::size_t size;  // in bytes
};

/// Reads the character at the start of `text`, which is not empty; nothing where the text does not start with UTF-8.
NADA_INLINE std::optional<Character> first_character(std::string_view text) {
  utf8proc_int32_t point = 0;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &point);
  if (size <= 0) return std::nullopt;
  return Character{static_cast<char32_t>(point), static_cast<std::size_t>(size)};
}

/// Reads the character at the start of `text`; where it does not start with UTF-8, U+FFFD and the size of the longest
/// piece that could have begun a character.
NADA_INLINE Character first_or_replacement(std::string_view text) {
  if (const auto character = first_character(text)) return *character;
  // A lead byte and its second byte begin a character if bytes 0x80 complete it: only the
  // second byte has ranges of its own.
  std::array<char, 4> begun = {text[0], '\x80', '\x80', '\x80'};
  std::size_t size = 1;
  for (; size < std::min<std::size_t>(text.size(), 3); ++size) {
    begun[size] = text[size];
    if (!first_character({begun.data(), begun.size()})) break;
  }
  return {U'\uFFFD', size};
}

NADA_INLINE utf8proc_category_t category(char32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

NADA_INLINE bool is_letter(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

NADA_INLINE bool is_mark(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME;
}

NADA_INLINE bool is_number(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

NADA_INLINE bool is_symbol(char32_t point) {
  const auto kind = category(point);
  return point >= 0x80 &&
         (kind == UTF8PROC_CATEGORY_SO || kind == UTF8PROC_CATEGORY_SM || kind == UTF8PROC_CATEGORY_SC ||
          kind == UTF8PROC_CATEGORY_SK || kind == UTF8PROC_CATEGORY_CO || kind == UTF8PROC_CATEGORY_CN);
}

NADA_INLINE bool is_space(char32_t point) {
  return (point >= 9 && point <= 13) || point == 0x85 || point == 0x2028 || point == 0x2029 ||
         category(point) == UTF8PROC_CATEGORY_ZS;
}

/// Whether a terminal draws nothing for `point` but may act on it: controls and separators of lines.
NADA_INLINE bool is_control(char32_t point) {
  const auto kind = category(point);
  return kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_ZL || kind == UTF8PROC_CATEGORY_ZP;
}

NADA_INLINE int columns_of_point(char32_t point) {
  return is_control(point) ? 1 : utf8proc_charwidth(static_cast<utf8proc_int32_t>(point));
}

}  // namespace detail

NADA_INLINE bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto character = detail::first_character(text);
    if (!character) return false;
    text.remove_prefix(character->size);
  }
  return true;
}

NADA_INLINE std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto character = detail::first_or_replacement(bytes);
    text += character.point;
    bytes.remove_prefix(character.size);
  }
  return text;
}

NADA_INLINE std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t point : text)
    append_utf8(bytes, utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(point)) ? point : U'\uFFFD');
  return bytes;
}

NADA_INLINE void append_utf8(std::string& out, std::uint32_t point) {
  std::array<utf8proc_uint8_t, 4> bytes;
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes.data());
  out.append(bytes.begin(), bytes.begin() + size);
}

NADA_INLINE std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char byte : text) append_utf8(out, static_cast<unsigned char>(byte));
  return out;
}

NADA_INLINE std::optional<std::string> latin1_of_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto character = detail::first_character(text);
    if (!character || character->point > 0xFF) return std::nullopt;
    out += static_cast<char>(character->point);
    text.remove_prefix(character->size);
  }
  return out;
}

NADA_INLINE int columns_of(std::string_view text) {
  int columns = 0;
  for (const char32_t point : decode_utf8(text)) columns += detail::columns_of_point(point);
  return columns;
}

NADA_INLINE std::string fit_columns(std::string_view text, int columns) {
  std::string fitted;
  while (!text.empty()) {
    const auto [point, size] = detail::first_or_replacement(text);
    columns -= detail::columns_of_point(point);
    if (columns < 0) break;
    if (detail::is_control(point)) {
      fitted += ' ';
    } else {
      fitted += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return fitted;
}

}  // namespace nada
