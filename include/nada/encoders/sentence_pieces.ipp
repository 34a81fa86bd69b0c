// Bodies of sentence_pieces.hpp.
#pragma once
#include "nada/encoders/sentence_pieces.hpp"

#ifdef NADA_SENTENCEPIECE
#include <sentencepiece_processor.h>
#endif

#include <exception>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

#ifdef NADA_SENTENCEPIECE

NADA_INLINE bool SentencePieces::available() { return true; }

NADA_INLINE SentencePieces SentencePieces::parse(std::string_view model, const std::string& what, bool without_prefix) {
  // A later value of a field of protocol buffers replaces an earlier one: normalizer_spec { add_dummy_prefix: false }.
  std::string bytes(model);
  if (without_prefix) bytes += std::string_view("\x1A\x02\x18\x00", 4);
  auto processor = std::make_shared<sentencepiece::SentencePieceProcessor>();
  bool read = false;
  try {
    read = !model.empty() && processor->LoadFromSerializedProto(bytes).ok();
  } catch (const std::exception&) {
    read = false;
  }
  require(read && processor->GetPieceSize() > 0, what,
          ": is no sentencepiece model, expected one such as spiece.model");
  SentencePieces out;
  out.model_ = std::move(processor);
  return out;
}

NADA_INLINE std::int64_t SentencePieces::vocabulary_size() const { return model_->GetPieceSize(); }

NADA_INLINE std::optional<std::int64_t> SentencePieces::id_of(const std::string& piece) const {
  const auto id = model_->PieceToId(piece);
  if (model_->IdToPiece(id) != piece) return std::nullopt;  // the unknown piece's id
  return id;
}

NADA_INLINE std::vector<std::int64_t> SentencePieces::ids(std::string_view text) const {
  std::vector<int> ids;
  const auto status = model_->Encode(text, &ids);
  require(status.ok(), "a text cannot be cut into pieces: ", status.message());
  return {ids.begin(), ids.end()};
}

#else

NADA_INLINE bool SentencePieces::available() { return false; }

NADA_INLINE SentencePieces SentencePieces::parse(std::string_view, const std::string& what, bool) {
  fail(what,
       ": is a sentencepiece model, and this build has no sentencepiece: install libsentencepiece-dev (Debian, Ubuntu; "
       "Fedora: sentencepiece-devel) and build again");
}

NADA_INLINE std::int64_t SentencePieces::vocabulary_size() const { return 0; }
NADA_INLINE std::optional<std::int64_t> SentencePieces::id_of(const std::string&) const { return std::nullopt; }
NADA_INLINE std::vector<std::int64_t> SentencePieces::ids(std::string_view) const { return {}; }

#endif

}  // namespace nada
