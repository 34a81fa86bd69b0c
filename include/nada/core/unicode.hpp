/// Texts as Unicode: reads and writes UTF-8 and Latin-1, tells kinds of characters, counts columns on a terminal.
///
/// Sources: Unicode 15, table 3-7 (well-formed UTF-8) and section 3.9 (replacement of ill-formed bytes); Unicode's
///          character database through utf8proc (categories, widths).
/// Facts:   encode_utf8(decode_utf8(t)) == t for UTF-8, and is UTF-8 for any t; latin1_of_utf8(utf8_of_latin1(t)) == t;
///          columns_of(fit_columns(t, n)) <= n.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nada {

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF).
bool is_utf8(std::string_view text);

/// Reads `bytes` as code points. Bytes that are not UTF-8 become U+FFFD, one for each longest piece that could have
/// begun a character, as Python's errors="replace" does.
std::u32string decode_utf8(std::string_view bytes);

/// Writes `text` as UTF-8; a value that is no code point (a surrogate, or past U+10FFFF) becomes U+FFFD.
std::string encode_utf8(std::u32string_view text);

/// Appends `point`, in [0, U+10FFFF], as UTF-8. A surrogate gets three bytes of the same form, as Python's
/// errors="surrogatepass" does; the result is then not UTF-8.
void append_utf8(std::string& out, std::uint32_t point);

/// Returns a text in Latin-1, where each byte is a code point, as UTF-8.
std::string utf8_of_latin1(std::string_view text);

/// Returns a text in UTF-8 as Latin-1; nothing for a text that is not UTF-8 or has characters past U+00FF.
std::optional<std::string> latin1_of_utf8(std::string_view text);

/// Returns the columns that `text` (UTF-8) takes on a terminal: 0 for combining marks and invisible characters, 2 for
/// East Asian characters and pictographs, 1 for all other characters. Control characters, which fit_columns() turns
/// into blanks, and pieces that are not UTF-8 count as 1.
int columns_of(std::string_view text);

/// Returns the longest beginning of `text` (UTF-8) that fits in `columns`. Control characters and separators of lines
/// become blanks, so that the result is one line; bytes that are not UTF-8 stay.
std::string fit_columns(std::string_view text, int columns);

namespace detail {

inline bool within(char32_t point, char32_t first, char32_t last) { return point >= first && point <= last; }
inline bool is_ascii_letter(char32_t point) { return within(point | 0x20, 'a', 'z') && point < 0x80; }
bool is_letter(char32_t point);
bool is_mark(char32_t point);
bool is_number(char32_t point);
/// Whether `point` has Unicode's property White_Space.
bool is_space(char32_t point);
/// Whether a code point is a sign that is neither letter, mark, number, space nor punctuation and lies beyond ASCII:
/// emoji, arrows, signs of currencies.
bool is_symbol(char32_t point);

}  // namespace detail

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/unicode.ipp"
#endif
