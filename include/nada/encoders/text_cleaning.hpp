/// Cleans text for CLIP's tokenizer: decoded, repaired, unescaped, with plain spaces, in lower case.
///
/// Sources: openai/CLIP at d05afc4 (repair by ftfy, html.unescape twice, strip, whitespace, lower); text_repairs.hpp
///          and html_references.hpp for the parts; Unicode's character database through utf8proc.
/// Left out: ftfy's guessing at wrongly decoded text (`schÃ¶n` stays) and named references outside our table.
#pragma once
#include <string>
#include <string_view>

namespace nada {

/// Returns `text` as CLIP's tokenizer reads it. The steps are, in this order:
///
///     repaired    straight quotes, ligatures apart, usual widths, accents as one character (NFC), no stray controls
///     unescaped   character references of HTML, two rounds
///     spaced      no space at the ends, every other run of white space becomes one blank
///     lower case  by Unicode's full rules, as in Python
///
/// Bytes that are not UTF-8 become U+FFFD; no text is an error.
std::string clean_text(std::string_view text);

namespace detail {

/// Returns the result of clean_text() in code points.
std::u32string cleaned(std::string_view text);

/// Lowers the case of each character by itself, as Hugging Face's tokenizers do: a capital sigma always becomes the same
/// small one.
std::u32string lower_each(std::u32string_view text);

}  // namespace detail

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/text_cleaning.ipp"
#endif
