/// The tokenizers of SigLIP and SigLIP 2: pieces of any script, an end, and padding up to the encoder's context.
///
///     SigLIP     spiece.model      lower case, without ASCII punctuation, single blanks -> unigram pieces -> </s> ... </s>
///     SigLIP 2   tokenizer.json    lower case -> byte pairs with bytes (Gemma's) -> <eos> <pad> ... <pad>
///                tokenizer.model   the same from Gemma's sentencepiece model
///
/// Sources: transformers 4.49, models/siglip/tokenization_siglip.py, and its Siglip2Tokenizer (lower case before
///          Gemma's tokenizer); open_clip 3.3, tokenizer.py (canonicalize_text).
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "nada/encoders/json_tokenizer.hpp"
#include "nada/encoders/sentence_pieces.hpp"

namespace nada {

/// PieceCleaning says what becomes of a text before it is cut into pieces.
enum class PieceCleaning {
  none,
  lower,      // each character's case is lowered by itself
  canonical,  // transformers' SigLIP: lower case, ASCII punctuation removed, single blanks
  openclip    // OpenCLIP's "canonicalize": repaired and unescaped, `_` becomes a blank, then the same
};

/// Returns `text` as the pieces see it.
std::string clean_for_pieces(std::string_view text, PieceCleaning cleaning);

/// PieceTokenizer turns texts into token ids. Copies share one immutable vocabulary.
class PieceTokenizer {
 public:
  /// Reads a tokenizer.json or a sentencepiece model, told apart by their content.
  /// Errors:  as JsonTokenizer::parse and SentencePieces::parse; a vocabulary without an end token.
  static PieceTokenizer open(const std::filesystem::path& path);

  /// Honours a tokenizer_config.json: eos_token, pad_token, bos_token, add_bos_token, add_eos_token, do_lower_case.
  /// Errors:  a token that the vocabulary lacks; another class of tokenizer.
  void configure(const std::filesystem::path& path);

  PieceCleaning cleaning() const { return cleaning_; }
  void set_cleaning(PieceCleaning cleaning) { cleaning_ = cleaning; }

  std::int64_t vocabulary_size() const;
  std::int64_t padding() const { return padding_; }
  const std::vector<std::int64_t>& start() const { return start_; }
  const std::vector<std::int64_t>& end() const { return end_; }

  /// Returns the ids of `text`, without start and end.
  std::vector<std::int64_t> ids(std::string_view text) const;

  /// Returns exactly `context` ids: start, ids of the text, end, padding.
  /// Errors:  a text that is too long.
  std::vector<std::int64_t> padded(std::string_view text, std::int64_t context) const;

 private:
  std::int64_t id_of(const std::string& token, std::string_view key, const std::string& what) const;

  std::variant<JsonTokenizer, SentencePieces> pieces_;
  PieceCleaning cleaning_ = PieceCleaning::lower;
  std::size_t unknown_length_ = 0;  // pieces of "<unk>", before which SigLIP's texts stand
  std::int64_t blank_ = -1;         // id of a blank that is a piece by itself
  detail::AddedTokens special_ = {};
  std::vector<std::int64_t> start_ = {}, end_ = {};
  std::int64_t padding_ = 0;

  explicit PieceTokenizer(std::variant<JsonTokenizer, SentencePieces> pieces) : pieces_(std::move(pieces)) {}
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/piece_tokenizer.ipp"
#endif
