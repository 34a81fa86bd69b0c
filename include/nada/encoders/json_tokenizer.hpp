/// A tokenizer from Hugging Face's tokenizer.json: byte pairs of characters, and bytes where a character is unknown.
/// Gemma's file, which SigLIP 2 has, is of this kind.
///
///     text -> cut at added tokens -> normalized -> cut at added tokens of normalized text -> words -> characters
///     -> while a listed pair stands side by side, join the pair that is listed first, the leftmost of it -> ids
///
/// Sources: huggingface/tokenizers 0.21 (the meaning of the keys, the order of the steps); Sennrich et al.,
///          arXiv:1508.07909 (byte pairs).
/// Facts:   no text fails to encode; a file that asks for another model, normalizer or cut is refused by the key's name.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nada {

namespace detail {

/// AddedToken is a text that becomes one id wherever it stands; with `left` or `right` it takes the white space there
/// with it.
struct AddedToken {
  std::int64_t id;
  bool left, right;
};

/// AddedTokens finds added tokens: at each place the longest.
class AddedTokens {
 public:
  void add(const std::string& content, AddedToken token);
  /// Calls `out(text, nullptr)` for texts between added tokens, none of which is empty, and `out(text, &token)` for
  /// added tokens, in order.
  template <class Out>
  void cut(std::string_view text, Out&& out) const;

 private:
  std::unordered_map<std::string, AddedToken> tokens_;
  std::vector<std::size_t> sizes_;  // of the tokens' texts, longest first
};

/// NormalizerStep lowers the case, or replaces a text, or puts a text before.
struct NormalizerStep {
  enum class Kind { lower, replace, prepend } kind;
  std::string pattern = {}, content = {};
  std::string operator()(std::string_view text) const;
};

/// PairTables are a file's vocabulary and lists.
struct PairTables {
  struct Join {
    std::int32_t rank;    // position in the list
    std::int32_t symbol;  // the symbol that the pair becomes
  };
  std::unordered_map<std::string, std::int32_t> vocabulary;
  std::unordered_map<std::uint64_t, Join> joins;
  std::int64_t size = 0;                                            // the largest id and one
  std::optional<std::int32_t> unknown;                              // id of characters that have none
  bool fuses_unknown = false, falls_back = false, ignores = false;  // fuse_unk, byte_fallback, ignore_merges
  std::vector<NormalizerStep> normalizer;
  std::string word_end;                  // words end behind this text; empty: a text is one word
  AddedTokens before, after;             // of the text as it is, of normalized text
  std::vector<std::int64_t> start, end;  // ids that the template puts around a text
  std::optional<std::int64_t> padding;

  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
};

/// Returns the token by which vocabularies with bytes write a byte, such as <0x0A>.
std::string byte_token(unsigned char byte);

/// Returns the size in bytes of the white space at the end, or at the start, of a text in bytes.
std::size_t space_at_end(std::string_view text);
std::size_t space_at_start(std::string_view text);

template <class Out>
void AddedTokens::cut(std::string_view text, Out&& out) const {
  std::size_t done = 0, at = 0;
  while (at < text.size() && !sizes_.empty()) {
    const auto* found = static_cast<const AddedToken*>(nullptr);
    std::size_t size = 0;
    for (const auto longest : sizes_) {
      if (longest > text.size() - at) continue;
      const auto token = tokens_.find(std::string(text.substr(at, longest)));
      if (token == tokens_.end()) continue;
      found = &token->second;
      size = longest;
      break;
    }
    if (found == nullptr) {
      ++at;
      continue;
    }
    auto first = at, last = at + size;
    if (found->left && first > done) first -= space_at_end(text.substr(done, first - done));
    if (found->right) last += space_at_start(text.substr(last));
    first = std::max(first, done);
    last = std::max(last, first);
    if (first > done) out(text.substr(done, first - done), static_cast<const AddedToken*>(nullptr));
    out(text.substr(first, last - first), found);
    at += size;
    done = last;
  }
  if (done < text.size()) out(text.substr(done), static_cast<const AddedToken*>(nullptr));
}

}  // namespace detail

/// JsonTokenizer turns texts into token ids. Copies share one immutable table.
class JsonTokenizer {
 public:
  /// Reads the content of a tokenizer.json; `what` names it in errors.
  /// Errors:  another JSON; a key that is not honoured, or not known; a merge of symbols that the vocabulary lacks.
  static JsonTokenizer parse(std::string_view text, const std::string& what);

  /// Returns the largest id and one.
  std::int64_t vocabulary_size() const { return tables_->size; }
  /// Returns the id of a token; nothing where the file has no such token.
  std::optional<std::int64_t> id_of(const std::string& token) const;
  /// Returns the ids of `text` without start and end. With `lower` the case of what is no added token is lowered first.
  std::vector<std::int64_t> ids(std::string_view text, bool lower = false) const;

  /// Returns the ids that the file puts before and behind a text, and the one that it pads with.
  const std::vector<std::int64_t>& start() const { return tables_->start; }
  const std::vector<std::int64_t>& end() const { return tables_->end; }
  const std::optional<std::int64_t>& padding() const { return tables_->padding; }

 private:
  explicit JsonTokenizer(std::shared_ptr<const detail::PairTables> tables) : tables_(std::move(tables)) {}
  std::string normalized(std::string_view text, bool lower) const;
  void append_words(std::string_view text, std::vector<std::int64_t>& out) const;
  void append_word(std::string_view word, std::vector<std::int64_t>& out) const;
  std::vector<std::int32_t> symbols_of(std::string_view word) const;

  std::shared_ptr<const detail::PairTables> tables_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/json_tokenizer.ipp"
#endif
