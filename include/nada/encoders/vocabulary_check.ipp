// Bodies of vocabulary_check.hpp.
#pragma once
#include "nada/encoders/vocabulary_check.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/text_cleaning.hpp"

namespace nada {

namespace detail {
NADA_INLINE std::vector<std::u32string> words(std::string_view text) {
  static constexpr std::u32string_view articles[] = {U"a", U"an", U"the"};
  static constexpr std::u32string_view endings[] = {U"s", U"t", U"re", U"ve", U"m", U"ll", U"d"};
  const auto listed = [](const auto& list, std::u32string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  };
  const auto in_word = [](char32_t c) { return is_letter(c) || is_mark(c) || is_number(c); };
  const auto in_symbols = [](char32_t c) { return is_symbol(c) || is_mark(c) || c == 0x200D; };  // 200D joins emoji
  const std::u32string points = cleaned(text);
  std::vector<std::u32string> result;
  std::set<std::u32string> seen;
  bool any = false;
  for (auto at = points.begin(); at != points.end();) {
    const auto first = std::find_if(at, points.end(), [&](char32_t c) { return in_word(c) || is_symbol(c); });
    const bool symbols = first != points.end() && is_symbol(*first);
    at = std::find_if_not(first, points.end(), [&](char32_t c) { return symbols ? in_symbols(c) : in_word(c); });
    std::u32string word(first, at);
    const bool ending = first - points.begin() >= 2 && *(first - 1) == '\'' && in_word(*(first - 2));
    any = any || !word.empty();
    if (word.empty() || listed(articles, word) || (ending && listed(endings, word))) continue;
    if (seen.insert(word).second) result.push_back(std::move(word));
  }
  if (any) return result;
  auto rest = points;  // a text without any word, such as "!!!", is one itself
  for (auto place = rest.find(U"{}"); place != rest.npos; place = rest.find(U"{}")) rest.erase(place, 2);
  std::erase_if(rest, is_space);
  if (!rest.empty()) result.push_back(std::move(rest));
  return result;
}

NADA_INLINE std::size_t edits(std::u32string_view a, std::u32string_view b, std::size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);  // rows i - 2, i - 1, i
  for (std::size_t j = 0; j <= b.size(); ++j) now[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(now);
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = std::min(now[j], before[j - 2] + 1);
    }
  }
  return std::min(now[b.size()], limit + 1);
}

}  // namespace detail

NADA_INLINE std::vector<std::string> known_words(std::span<const std::string> phrases) {
  std::set<std::string> out;
  for (const auto& phrase : phrases)
    for (const auto& word : detail::words(phrase)) out.insert(encode_utf8(word));
  return {out.begin(), out.end()};
}

NADA_INLINE std::vector<UnknownWord> unknown_words(std::string_view text, std::span<const std::string> phrases,
                                                   std::size_t near) {
  std::set<std::u32string> known;
  for (const auto& phrase : phrases) {
    auto words = detail::words(phrase);
    known.insert(std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
  }
  std::vector<UnknownWord> result;
  if (phrases.empty()) return result;
  for (const auto& word : detail::words(text)) {
    if (known.contains(word)) continue;
    struct Candidate {
      std::size_t edits, different;  // different: letters of the word after the common beginning
      const std::u32string* word;
      bool operator<(const Candidate& other) const {
        return std::tie(edits, different, *word) < std::tie(other.edits, other.different, *other.word);
      }
    };
    std::vector<Candidate> candidates;
    for (const auto& other : known) {
      const std::size_t limit =
          std::min(std::max<std::size_t>(1, 2 * word.size() / 5), std::max(word.size(), other.size()) - 1);
      const std::size_t edits = detail::edits(word, other, limit);
      const auto common = std::mismatch(word.begin(), word.end(), other.begin(), other.end()).first - word.begin();
      if (edits <= limit) candidates.push_back({edits, word.size() - static_cast<std::size_t>(common), &other});
    }
    std::sort(candidates.begin(), candidates.end());
    candidates.resize(std::min(candidates.size(), near));
    result.push_back({encode_utf8(word), {}});
    for (const auto& candidate : candidates) result.back().near.push_back(encode_utf8(*candidate.word));
  }
  return result;
}

}  // namespace nada
