/// Character references of HTML, `&eacute;` or `&#xE9;`, as the characters that they stand for.
///
/// Sources: the HTML standard (numbers and their corrections, names); Python's html.unescape; ftfy 6.3.1 (the strict
///          way); Unicode's capitals through utf8proc.
/// Left out: names outside the table in html_references.ipp, which holds all of HTML 4 and common ones of HTML 5.
#pragma once
#include <string>
#include <string_view>

namespace nada::detail {

/// What Windows-1252 means by the bytes 0x80 to 0x9F; the five that it leaves open stand for themselves, as do all
/// other code points.
char32_t windows_1252(char32_t point);

/// Python's html.unescape, one round: numbers, names with `;`, and the longest legacy name at the start of other words.
std::u32string unescape_html(std::u32string_view text);

/// ftfy's stricter round: only closed references; a named one in capitals stands for the capital of its character.
std::u32string unescape_closed(std::u32string_view text);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/encoders/html_references.ipp"
#endif
