/// Text as CLIP's tokenizer wants it: decoded, repaired, unescaped, with plain spaces, in lower case.
///
/// Sources: openai/CLIP at d05afc4 (repair by ftfy, html.unescape twice, strip, whitespace, lower); ftfy 6.3.1 for
/// which repairs there are and in what order; the HTML standard for character references; Unicode 14 through utf8proc.
/// Left out: ftfy's guessing at wrongly decoded text (`schÃ¶n` stays) and named references outside the table below.
#pragma once
#include <utf8proc.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace nada {

/// `bytes` as code points. Whatever is not UTF-8 becomes U+FFFD, one for each longest piece that could have begun a
/// character, as Python's errors="replace" does.
std::u32string decode_utf8(std::string_view bytes);

/// `text` as UTF-8; what is no code point (a surrogate, or past U+10FFFF) becomes U+FFFD.
std::string encode_utf8(std::u32string_view text);

namespace detail {

inline utf8proc_category_t category(char32_t point) { return utf8proc_category(static_cast<utf8proc_int32_t>(point)); }
bool is_letter(char32_t point);
bool is_mark(char32_t point);
bool is_number(char32_t point);
/// Unicode's White_Space.
bool is_space(char32_t point);
inline bool within(char32_t point, char32_t first, char32_t last) { return point >= first && point <= last; }

/// The normal form that `options` of utf8proc ask for.
std::u32string normalized(std::u32string text, int options);

/// What Windows-1252 means by the bytes 0x80 to 0x9F; the five that it leaves open stand for themselves.
char32_t windows_1252(char32_t point);

// ------------------------------------------------------------------------------------- HTML character references

/// Named references: all of HTML 4 (with the code points of HTML 5) and common ones of HTML 5.
struct NamedReferences {
  std::unordered_map<std::string_view, char32_t> any;     // need their semicolon
  std::unordered_map<std::string_view, char32_t> legacy;  // are also read without it
};

const NamedReferences& named_references();

inline bool is_digit(char32_t c) { return within(c, '0', '9'); }
inline bool is_ascii_letter(char32_t c) { return within(c | 0x20, 'a', 'z') && c < 0x80; }

/// The ASCII start of `text`, as a key of the tables.
std::string ascii_prefix(std::u32string_view text);

/// The upper case of a single character.
std::u32string capital(char32_t point);

/// What `&#number;` stands for: HTML's corrections, nothing for code points that are no characters.
std::u32string numbered_character(std::uint32_t number);

/// Reads `#12`, `#x1F` with or without `;` at the start of `text` (what follows `&`) and removes it from there.
std::optional<std::u32string> take_number(std::u32string_view& text);

/// Python's html.unescape, one round: numbers, names with `;`, and the longest legacy name at the start of other words.
std::u32string unescape_html(std::u32string_view text);

/// ftfy's stricter round: only closed references; a named one in capitals stands for the capital of its character.
std::u32string unescape_closed(std::u32string_view text);

// ---------------------------------------------------------------------------------------------- repair, lower case

/// `ESC [ numbers letter`, which colours a terminal, removed.
std::u32string without_terminal_escapes(std::u32string_view text);

/// Letters that typesetters and old encodings drew as one, apart; nullptr for all others.
const char32_t* ligature(char32_t point);

/// True for controls that no text means: all but tab, line feed, form feed and carriage return, and a few of Unicode's.
bool is_stray_control(char32_t point);

/// One pass of ftfy's repairs over one line, without its detection of wrong encodings.
std::u32string repaired_once(std::u32string text, bool unescape);

/// ftfy's repairs, repeated while they change something (32 times at most), line by line. From the first line on that
/// contains a `<`, references are left for later: the text is HTML and not a victim of it.
std::u32string repaired(std::u32string_view text);

/// Without spaces at both ends, other runs of spaces as one blank.
std::u32string with_single_spaces(std::u32string_view text);

/// Unicode's Cased.
bool is_cased(char32_t point);

/// Unicode's Case_Ignorable.
bool is_case_ignorable(char32_t point);

/// Python's str.lower: a dotted capital I becomes i with a dot above; a capital sigma that ends a word its final form.
std::u32string lower_case(std::u32string_view text);

/// clean_text in code points.
std::u32string cleaned(std::string_view text);

}  // namespace detail

/// `text` as CLIP's tokenizer reads it, in this order:
///
///     repaired    straight quotes, ligatures apart, usual widths, accents as one character (NFC), no stray controls
///     unescaped   character references of HTML, two rounds
///     spaced      no space at the ends, every other run of white space one blank
///     lower case  by Unicode's full rules, as Python has them
///
/// Bytes that are not UTF-8 become U+FFFD; no text is an error.
inline std::string clean_text(std::string_view text) { return encode_utf8(detail::cleaned(text)); }

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/text_cleaning.ipp"
#endif
