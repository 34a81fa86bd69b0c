// Bodies of sentence_pieces.hpp.
#pragma once
#include "nada/encoders/sentence_pieces.hpp"

#ifdef NADA_SENTENCEPIECE
#include <sentencepiece_processor.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

/// CharacterTable is a normalizer's table: a double array (Aoe, 1989) in the layout of darts-clone, and the texts that
/// its values are offsets of.
class CharacterTable {
 public:
  CharacterTable(std::string_view bytes, const std::string& what) : what_(what) {
    std::uint32_t size = 0;
    hold(bytes.size() >= sizeof size);
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    hold(size % 4 == 0 && size > 0 && size < bytes.size() && bytes.back() == '\0');
    units_.resize(size / 4);
    std::memcpy(units_.data(), bytes.data(), size);
    texts_ = bytes.size() - size;
    heights_.assign(units_.size(), unseen);
  }
  void check() { height(0, 0); }

 private:
  static constexpr int most_depth = 64, most_values = 32;  // bytes of a key; keys that begin a key
  static constexpr signed char unseen = -1, open = -2;
  void hold(bool condition) const {
    require(condition, what_, ": is damaged: its table of characters leads nowhere, expected a sentencepiece model");
  }
  /// Returns how many bytes follow the node at `at`, which lies `depth` bytes deep.
  int height(std::uint32_t at, int depth) {
    hold(depth <= most_depth && heights_[at] != open);
    if (heights_[at] != unseen) {
      hold(depth + heights_[at] <= most_values);
      return heights_[at];
    }
    heights_[at] = open;
    const auto unit = units_[at];
    const auto base = at ^ ((unit >> 10) << ((unit & (1U << 9)) >> 6));
    hold((base | 0xFF) < units_.size());
    if (unit >> 8 & 1) hold((units_[base] & 0x7FFFFFFF) < texts_);
    int out = 0;
    for (std::uint32_t byte = 1; byte < 256; ++byte)
      if (const auto next = base ^ byte; (units_[next] & 0x800000FF) == byte)
        out = std::max(out, 1 + height(next, depth + 1));
    hold(depth + out <= most_values);
    heights_[at] = static_cast<signed char>(out);
    return out;
  }

  const std::string& what_;
  std::vector<std::uint32_t> units_;
  std::vector<signed char> heights_;
  std::size_t texts_ = 0;
};

/// Calls `field(number, bytes)` for each field of a message of protocol buffers that has a length. Returns whether the
/// message is whole.
template <class Field>
bool read_message(std::string_view message, Field&& field) {
  const auto number = [&](std::uint64_t& out) {
    out = 0;
    for (int shift = 0; shift < 64 && !message.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(message.front());
      message.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  while (!message.empty()) {
    std::uint64_t tag = 0, size = 0;
    if (!number(tag)) return false;
    const auto type = tag & 7;
    if (type == 0 && !number(size)) return false;
    if (type == 0) continue;
    if (type == 2 && !number(size)) return false;
    if (type == 1 || type == 5) size = type == 1 ? 8 : 4;
    if ((type != 1 && type != 2 && type != 5) || size > message.size()) return false;
    if (type == 2) field(tag >> 3, message.substr(0, size));
    message.remove_prefix(size);
  }
  return true;
}

NADA_INLINE void check_sentence_pieces(std::string_view model, const std::string& what) {
  constexpr std::uint64_t normalizer = 3, denormalizer = 5, table = 2;
  bool whole = !model.empty();
  whole = whole &&
          read_message(model,
                       [&](std::uint64_t part, std::string_view bytes) {
                         if (part != normalizer && part != denormalizer) return;
                         whole = read_message(bytes,
                                              [&](std::uint64_t key, std::string_view value) {
                                                if (key == table && !value.empty()) CharacterTable(value, what).check();
                                              }) &&
                                 whole;
                       }) &&
          whole;
  require(whole, what, ": is no sentencepiece model, expected one such as spiece.model");
}

}  // namespace detail

#ifdef NADA_SENTENCEPIECE

NADA_INLINE bool SentencePieces::available() { return true; }

NADA_INLINE SentencePieces SentencePieces::parse(std::string_view model, const std::string& what, bool without_prefix) {
  // A later value of a field of protocol buffers replaces an earlier one: normalizer_spec { add_dummy_prefix: false }.
  detail::check_sentence_pieces(model, what);
  std::string bytes(model);
  if (without_prefix) bytes += std::string_view("\x1A\x02\x18\x00", 4);
  auto processor = std::make_shared<sentencepiece::SentencePieceProcessor>();
  bool read = false;
  try {
    read = processor->LoadFromSerializedProto(bytes).ok();
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
