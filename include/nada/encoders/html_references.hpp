/// Replaces character references of HTML, such as `&eacute;` or `&#xE9;`, by the characters that they stand for.
///
/// Sources: the HTML standard (numbers and their corrections, names); Python's html.unescape; ftfy 6.3.1 (the stricter
///          round); Unicode's capitals through utf8proc.
/// Left out: names outside the table in html_references.ipp, which holds all names of
///           HTML 4 and common names of HTML 5.
#pragma once
#include <string>
#include <string_view>

namespace nada::detail {

/// Returns the character that Windows-1252 means by a byte 0x80 to 0x9F. The five bytes that Windows-1252 leaves open
/// stand for themselves, as do all other code points.
char32_t windows_1252(char32_t point);

/// Replaces references as one round of Python's html.unescape does: numbers, names with `;`, and the longest legacy
/// name at the start of other words.
std::u32string unescape_html(std::u32string_view text);

/// Replaces references as ftfy's stricter round does: only closed references; a name in capitals stands
/// for the capital of its character.
std::u32string unescape_closed(std::u32string_view text);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/encoders/html_references.ipp"
#endif
