/// Finds the words of a text that an encoder never read.
///
/// Why:     an encoder trained on few captions tokenizes every text but knows only the words of those captions. A
///          target text of other words moves an image nowhere in particular.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nada {

/// UnknownWord is a word that no phrase has, with the phrases' words that are closest to it,
/// closest first; `near` may be empty.
struct UnknownWord {
  std::string word;
  std::vector<std::string> near;
};

namespace detail {

/// Returns the words of `text` after cleaning: runs of letters, marks and numbers, and runs of symbols such as emoji,
/// each once, in order. Articles and English endings behind an apostrophe ('s 't 're 've 'm 'll 'd) do not count as
/// words. A text without any word, such as "!!!", is one word, without `{}` and white space.
std::vector<std::u32string> words(std::string_view text);

/// Returns the least number of edits that make `b` of `a`, where an edit inserts, removes or replaces a letter or swaps
/// two neighbours (no letter is touched twice); `limit + 1` where more than `limit` edits are needed.
std::size_t edits(std::u32string_view a, std::u32string_view b, std::size_t limit);

}  // namespace detail

/// Returns the words of `phrases`, sorted, each once; `{}` and a, an, the are no words.
std::vector<std::string> known_words(std::span<const std::string> phrases);

/// Returns the words of `text` that are in none of `phrases`, in order, each once, with at most `near` similar words of
/// the phrases. Similar words are within max(1, two fifths of the word's length) edits that leave at least one letter; they are
/// sorted by fewest edits, then by the longest common beginning, then by letters. `{}` and a, an, the are no words.
/// Without phrases every word counts as known.
std::vector<UnknownWord> unknown_words(std::string_view text, std::span<const std::string> phrases,
                                       std::size_t near = 3);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/vocabulary_check.ipp"
#endif
