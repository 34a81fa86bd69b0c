/// Learns byte pairs from texts.
/// Source:  Sennrich et al., arXiv:1508.07909, algorithm 1.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace nada {

/// Learns a list of at most `count` merges and returns it as text that Tokenizer::from_merges takes. Again and again
/// the pair of symbols that stands side by side most often (of equally frequent pairs the first by spelling) becomes
/// one symbol, while a pair occurs twice.
/// Facts:   a text of learned words alone takes no more tokens than with any shorter beginning of the list.
std::string learn_byte_pairs(std::span<const std::string> texts, std::size_t count);

/// Returns the different words of texts, sorted. Each word is a phrase by itself, for the list of phrases
/// that an encoder was trained on.
std::vector<std::string> words_of(std::span<const std::string> texts);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/byte_pairs.ipp"
#endif
