/// Words that an encoder never read: a target text made of them moves an image nowhere in particular.
///
/// An encoder trained on few captions tokenizes every text but means something only by words that the captions had.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nada {

/// A word that no phrase has, and the closest that phrases have, closest first; `near` may be empty.
struct UnknownWord {
  std::string word;
  std::vector<std::string> near;
};

namespace detail {

/// The words of `text` after cleaning: runs of letters, marks and numbers, each once, in order. Articles and English
/// endings behind an apostrophe ('s 't 're 've 'm 'll 'd) are none.
std::vector<std::u32string> words(std::string_view text);

/// The least number of letters to insert, remove, replace, or swap with a neighbour (none touched twice) that makes `b`
/// of `a`; `limit + 1` where there are more than `limit`.
std::size_t edits(std::u32string_view a, std::u32string_view b, std::size_t limit);

}  // namespace detail

/// The words of `text` that are in none of `phrases`, in order, each once, with at most `near` similar words of the
/// phrases: those within max(2, half the word's length) edits that leave at least one letter, fewest edits first,
/// then longest common beginning, then by letters. `{}` and a, an, the are no words. Without phrases all is known.
std::vector<UnknownWord> unknown_words(std::string_view text, std::span<const std::string> phrases,
                                       std::size_t near = 3);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/vocabulary_check.ipp"
#endif
