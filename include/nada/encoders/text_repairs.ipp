// Bodies of text_repairs.hpp.
#pragma once
#include "nada/encoders/text_repairs.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/html_references.hpp"

namespace nada::detail {

/// Returns the normal form that `options` of utf8proc ask for.
NADA_INLINE std::u32string normalized(std::u32string text, int options) {
  // Long runs of marks are sorted here; utf8proc sorts them as well, but in quadratic time.
  const auto order = [](char32_t point) {
    return utf8proc_get_property(static_cast<utf8proc_int32_t>(point))->combining_class;
  };
  for (auto first = text.begin(); first != text.end();) {
    first = std::find_if(first, text.end(), [&](char32_t point) { return order(point) != 0; });
    const auto last = std::find_if(first, text.end(), [&](char32_t point) { return order(point) == 0; });
    std::stable_sort(first, last, [&](char32_t a, char32_t b) { return order(a) < order(b); });
    first = last;
  }
  const std::string bytes = encode_utf8(text);
  utf8proc_uint8_t* result = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()), static_cast<utf8proc_ssize_t>(bytes.size()),
                   &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | options));
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  return decode_utf8({reinterpret_cast<const char*>(result), static_cast<std::size_t>(size)});
}

/// Removes every `ESC [ numbers letter`, which colours a terminal.
NADA_INLINE std::u32string without_terminal_escapes(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == 0x1B && at + 1 < text.size() && text[at + 1] == '[') {
      const auto letter = text.find_first_not_of(U"0123456789;", at + 2);
      if (letter != std::u32string_view::npos && is_ascii_letter(text[letter])) {
        at = letter;
        continue;
      }
    }
    result += text[at];
  }
  return result;
}

/// Returns the letters of a ligature, which typesetters and old encodings drew as one character;
/// nullptr for all other characters.
NADA_INLINE const char32_t* ligature(char32_t point) {
  static constexpr std::array<const char32_t*, 9> croatian = {U"D\u017D", U"D\u017E", U"d\u017E", U"LJ", U"Lj",
                                                              U"lj",      U"NJ",      U"Nj",      U"nj"};
  static constexpr std::array<const char32_t*, 7> latin = {U"ff", U"fi", U"fl", U"ffi", U"ffl", U"\u017Ft", U"st"};
  if (within(point, 0x1C4, 0x1CC)) return croatian[point - 0x1C4];
  if (within(point, 0xFB00, 0xFB06)) return latin[point - 0xFB00];
  switch (point) {
    case 0x132:
      return U"IJ";
    case 0x133:
      return U"ij";
    case 0x149:
      return U"\u02BCn";
    case 0x1F1:
      return U"DZ";
    case 0x1F2:
      return U"Dz";
    case 0x1F3:
      return U"dz";
    default:
      return nullptr;
  }
}

/// Whether `point` is a control that no text means: all but tab, line feed, form feed and carriage return,
/// and a few of Unicode's controls.
NADA_INLINE bool is_stray_control(char32_t point) {
  return point <= 8 || point == 0xB || within(point, 0xE, 0x1F) || point == 0x7F || within(point, 0x206A, 0x206F) ||
         point == 0xFEFF || within(point, 0xFFF9, 0xFFFC);
}

/// Makes one pass of ftfy's repairs over one line, without its detection of wrong encodings.
NADA_INLINE std::u32string repaired_once(std::u32string text, bool unescape) {
  if (unescape) text = unescape_closed(text);
  text = without_terminal_escapes(text);
  std::u32string result;
  result.reserve(text.size());
  bool ascii = true;
  const auto put = [&](char32_t point) {
    if (point == 0x2BC || within(point, 0x2018, 0x201B)) point = '\'';
    if (within(point, 0x201C, 0x201F)) point = '"';
    if (point == '\r' || point == 0x2028 || point == 0x2029) point = '\n';
    if (is_stray_control(point)) return;
    ascii = ascii && point < 0x80;
    result += point;
  };
  for (char32_t point : text) {
    point = windows_1252(point);
    if (const char32_t* apart = ligature(point)) {
      for (; *apart != 0; ++apart) put(*apart);
    } else if (point == 0x3000) {
      put(' ');
    } else if (within(point, 0xFF01, 0xFFEF)) {  // full-width and half-width forms
      for (const char32_t plain : normalized({point}, UTF8PROC_COMPAT)) put(plain);
    } else {
      put(point);
    }
  }
  return ascii ? result : normalized(std::move(result), 0);
}

NADA_INLINE std::u32string repaired(std::u32string_view text) {
  std::u32string result;
  bool unescape = true;
  while (!text.empty()) {
    const auto size = std::min(text.find(U'\n'), text.size() - 1) + 1;
    std::u32string line(text.substr(0, size));
    text.remove_prefix(size);
    if (line.find(U'<') != std::u32string::npos) unescape = false;
    for (int round = 0; round < 32; ++round) {
      auto next = repaired_once(line, unescape);
      if (next == line) break;
      line = std::move(next);
    }
    result += line;
  }
  return result;
}

}  // namespace nada::detail
