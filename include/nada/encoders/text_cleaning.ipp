// Bodies of text_cleaning.hpp.
#pragma once
#include "nada/encoders/text_cleaning.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/html_references.hpp"
#include "nada/encoders/text_repairs.hpp"

namespace nada {

namespace detail {

/// Removes spaces at both ends and replaces every other run of spaces by one blank.
NADA_INLINE std::u32string with_single_spaces(std::u32string_view text) {
  std::u32string result;
  bool space = false;
  for (const char32_t point : text) {
    if (is_space(point)) {
      space = true;
      continue;
    }
    if (space && !result.empty()) result += U' ';
    space = false;
    result += point;
  }
  return result;
}

/// Whether `point` has Unicode's property Cased.
NADA_INLINE bool is_cased(char32_t point) {
  const auto kind = utf8proc_category(static_cast<utf8proc_int32_t>(point));
  if (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LT) return true;
  static constexpr std::pair<char32_t, char32_t> others[] = {
      // the ranges of Other_Lowercase and Other_Uppercase
      {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},     {0x2E0, 0x2E4},
      {0x345, 0x345},     {0x37A, 0x37A},     {0x1D2C, 0x1D6A},   {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},
      {0x2071, 0x2071},   {0x207F, 0x207F},   {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},
      {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
      {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x1F130, 0x1F149},
      {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
  return std::any_of(std::begin(others), std::end(others),
                     [&](auto range) { return within(point, range.first, range.second); });
}

/// Whether `point` has Unicode's property Case_Ignorable.
NADA_INLINE bool is_case_ignorable(char32_t point) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(point))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      break;
  }
  static constexpr std::u32string_view in_words =
      U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
  return in_words.find(point) != std::u32string_view::npos;
}

/// Lowers the case as Python's str.lower does: a dotted capital I becomes i with a dot above; a capital sigma that ends
/// a word becomes the final sigma.
NADA_INLINE std::u32string lower_case(std::u32string_view text) {
  std::vector<bool> followed(text.size());  // by a cased letter, perhaps after case-ignorable letters
  bool cased = false;
  for (std::size_t at = text.size(); at-- > 0;) {
    followed[at] = cased;
    if (!is_case_ignorable(text[at])) cased = is_cased(text[at]);
  }
  std::u32string result;
  result.reserve(text.size());
  cased = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char32_t point = text[at];
    if (point == 0x130) {
      result += U"i\u0307";
    } else if (point == 0x3A3) {
      result += cased && !followed[at] ? U'\u03C2' : U'\u03C3';
    } else {
      result += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
    }
    if (!is_case_ignorable(point)) cased = is_cased(point);
  }
  return result;
}

NADA_INLINE std::u32string lower_each(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (const char32_t point : text) {
    if (point == 0x130)
      result += U"i\u0307";
    else
      result += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
  }
  return result;
}

/// Whether neither repairs nor references can change `text`: true for printable ASCII without `&`.
NADA_INLINE bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F && c != '&'; });
}

NADA_INLINE std::u32string cleaned(std::string_view text) {
  if (is_plain(text)) return lower_case(with_single_spaces(std::u32string(text.begin(), text.end())));
  auto points = repaired(decode_utf8(text));
  for (int round = 0; round < 2; ++round) points = unescape_html(points);
  return lower_case(with_single_spaces(points));
}

}  // namespace detail

NADA_INLINE std::string clean_text(std::string_view text) { return encode_utf8(detail::cleaned(text)); }

}  // namespace nada
