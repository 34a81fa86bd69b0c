/// A sentencepiece model of unigrams, such as SigLIP's spiece.model.
///
///     text -> characters by the model's table, single blanks written as U+2581 -> the pieces with the largest sum of
///     scores, where a character without a piece costs the smallest score and 10 more -> ids
///
/// Why:     libsentencepiece brings protocol buffers of its own, whose symbols replace those of LibTorch's in one
///          program (Debian 12: the program ends before main), and follows a damaged table out of its memory.
/// Sources: Kudo, Subword Regularization, arXiv:1804.10959; Kudo and Richardson, SentencePiece, arXiv:1808.06226;
///          google/sentencepiece 0.2.3, sentencepiece_model.proto (the file), normalizer.cc, unigram_model.cc (the
///          order of steps; scores are float32, of equal sums the one whose last piece is longest).
/// Facts:   no text fails to encode; unknown characters side by side are one unknown token, or their bytes where the
///          model has them; a model of byte pairs, words or characters is refused.
#pragma once
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

/// CharacterTable says what becomes of characters: a double array (Aoe, 1989) in the layout of darts-clone, and texts
/// that its values are offsets of.
class CharacterTable {
 public:
  CharacterTable() = default;
  /// Errors:  tables that lead out of themselves, or round in circles.
  CharacterTable(std::string_view bytes, const std::string& what);

  /// Returns the longest beginning of `text` that the table has, and what it becomes; {0, ""} where there is none.
  std::pair<std::size_t, std::string_view> longest(std::string_view text) const;

 private:
  static std::uint32_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); }
  int height(std::uint32_t at, int depth, std::vector<signed char>& heights, const std::string& what) const;

  std::vector<std::uint32_t> units_;
  std::string texts_;
};

/// SentenceModel is what a model file holds.
struct SentenceModel {
  enum class Kind : std::uint8_t { normal = 1, unknown = 2, control = 3, user = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    Kind kind = Kind::normal;
  };
  std::vector<Piece> pieces;  // by id
  std::uint64_t type = 1;     // 1: unigrams
  bool falls_back = false, suffix = false;
  bool prefix = true, trims = true, escapes = true;  // a blank before texts, single blanks, blanks as U+2581
  CharacterTable table;

  std::unordered_map<std::string, std::int32_t> ids;
  std::vector<std::int32_t> sorted;  // pieces that texts may have, by their bytes
  std::vector<std::int32_t> fixed;   // those of them that the table does not change and that always win
  std::vector<std::int32_t> bytes;   // ids of the 256 bytes, where the model falls back to them
  std::int32_t unknown = 0;
  float least = 0, most = 0;  // scores of normal pieces
};

}  // namespace detail

/// SentencePieces turns texts into ids of pieces. Copies share one immutable model.
class SentencePieces {
 public:
  /// Reads the content of a model file; `what` names it in errors. With `without_prefix` no blank is put before texts,
  /// whatever the file says.
  /// Errors:  a file that is no such model, or is damaged; a model of another type than unigrams.
  static SentencePieces parse(std::string_view model, const std::string& what, bool without_prefix = false);

  std::int64_t vocabulary_size() const { return static_cast<std::int64_t>(model_->pieces.size()); }
  /// Returns the id of a piece; nothing where the model has no such piece.
  std::optional<std::int64_t> id_of(const std::string& piece) const;
  /// Returns the ids of `text`, which is UTF-8, without start and end.
  std::vector<std::int64_t> ids(std::string_view text) const;

 private:
  explicit SentencePieces(std::shared_ptr<const detail::SentenceModel> model) : model_(std::move(model)) {}
  std::string normalized(std::string_view text) const;

  std::shared_ptr<const detail::SentenceModel> model_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/sentence_pieces.ipp"
#endif
