/// A sentencepiece model: SigLIP's spiece.model (unigram), Gemma's tokenizer.model (byte pairs).
///
/// The library sentencepiece reads it (Debian: libsentencepiece-dev). A build that found no such library refuses these
/// files in one sentence.
///
/// Source:  Kudo and Richardson, SentencePiece, arXiv:1808.06226.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sentencepiece {
class SentencePieceProcessor;
}  // namespace sentencepiece

namespace nada {

namespace detail {

/// Follows every path of the tables by which a model normalizes characters: the library follows them without looking
/// where they lead.
/// Errors:  a file that is no protocol buffer; tables that lead out of themselves, or round in circles.
void check_sentence_pieces(std::string_view model, const std::string& what);

}  // namespace detail

/// SentencePieces turns texts into ids of pieces. Copies share one immutable model.
class SentencePieces {
 public:
  /// Whether this build can read sentencepiece models.
  static bool available();

  /// Reads the content of a model file; `what` names it in errors. With `without_prefix` no blank is put before texts,
  /// whatever the file says.
  /// Errors:  a file that is no such model; a build without the library.
  static SentencePieces parse(std::string_view model, const std::string& what, bool without_prefix = false);

  std::int64_t vocabulary_size() const;
  /// Returns the id of a piece; nothing where the model has no such piece.
  std::optional<std::int64_t> id_of(const std::string& piece) const;
  /// Returns the ids of `text`, without start and end.
  std::vector<std::int64_t> ids(std::string_view text) const;

 private:
  std::shared_ptr<const sentencepiece::SentencePieceProcessor> model_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/sentence_pieces.ipp"
#endif
