// Bodies of byte_pairs.hpp.
#pragma once
#include "nada/pretraining/byte_pairs.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/text_cleaning.hpp"
#include "nada/encoders/tokenizer.hpp"

namespace nada {

NADA_INLINE std::string learn_byte_pairs(std::span<const std::string> texts, std::size_t count) {
  const auto bytes = detail::byte_symbols();
  std::vector<std::string> spelled(256);
  for (std::size_t id = 0; id < 256; ++id) spelled[bytes.bytes[id]] = bytes.spelled[id];
  std::map<std::string, std::int64_t> frequency;
  for (const auto& text : texts) {
    const auto cleaned = detail::cleaned(text);
    for (const auto piece : detail::pieces(cleaned)) ++frequency[encode_utf8(piece)];
  }
  struct Word {
    std::vector<std::string> symbols;
    std::int64_t count;
  };
  std::vector<Word> words;
  for (const auto& [piece, times] : frequency) {
    Word word{{}, times};
    for (const char c : piece) word.symbols.push_back(spelled[static_cast<unsigned char>(c)]);
    word.symbols.back() += "</w>";
    words.push_back(std::move(word));
  }
  std::string out = "#version: 0.2\n";
  for (std::size_t merge = 0; merge < count; ++merge) {
    std::map<std::pair<std::string, std::string>, std::int64_t> pairs;
    for (const auto& word : words)
      for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i)
        pairs[{word.symbols[i], word.symbols[i + 1]}] += word.count;
    const auto best =
        std::max_element(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == pairs.end() || best->second < 2) break;
    const auto [left, right] = best->first;
    out += left + " " + right + "\n";
    for (auto& word : words) {
      auto& symbols = word.symbols;
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
        if (symbols[i] == left && symbols[i + 1] == right) {
          symbols[i] += right;
          symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    }
  }
  return out;
}

NADA_INLINE std::vector<std::string> words_of(std::span<const std::string> texts) {
  std::map<std::string, bool> words;
  for (const auto& text : texts) {
    const auto cleaned = detail::cleaned(text);
    for (const auto piece : detail::pieces(cleaned)) words[encode_utf8(piece)] = true;
  }
  std::vector<std::string> out;
  for (const auto& [word, present] : words) out.push_back(word);
  return out;
}

}  // namespace nada
