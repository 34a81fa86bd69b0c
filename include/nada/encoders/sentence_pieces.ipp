// Bodies of sentence_pieces.hpp.
#pragma once
#include "nada/encoders/sentence_pieces.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/json_tokenizer.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {

inline constexpr std::string_view sentence_blank = "\xE2\x96\x81";  // U+2581, by which pieces write a blank

[[noreturn]] inline void fail_table(const std::string& what) {
  fail(what, ": is damaged: its table of characters leads nowhere, expected a sentencepiece model");
}

NADA_INLINE CharacterTable::CharacterTable(std::string_view bytes, const std::string& what) {
  std::uint32_t size = 0;
  if (bytes.size() < sizeof size) fail_table(what);
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (size % 4 != 0 || size == 0 || size >= bytes.size() || bytes.back() != '\0') fail_table(what);
  units_.resize(size / 4);
  std::memcpy(units_.data(), bytes.data(), size);
  texts_ = bytes.substr(size);
  std::vector<signed char> heights(units_.size(), -1);
  height(0, 0, heights, what);
}

/// Follows every path below the node at `at`, which lies `depth` bytes deep. Returns the bytes of the longest.
NADA_INLINE int CharacterTable::height(std::uint32_t at, int depth, std::vector<signed char>& heights,
                                       const std::string& what) const {
  constexpr int most = 64;  // bytes of what is replaced
  constexpr signed char unseen = -1, open = -2;
  if (heights[at] == open || depth > most) fail_table(what);
  if (heights[at] != unseen) {
    if (depth + heights[at] > most) fail_table(what);
    return heights[at];
  }
  heights[at] = open;
  const auto base = at ^ offset(units_[at]);
  if ((base | 0xFF) >= units_.size()) fail_table(what);
  if ((units_[at] >> 8 & 1) && (units_[base] & 0x7FFFFFFF) >= texts_.size()) fail_table(what);
  int out = 0;
  for (std::uint32_t byte = 1; byte < 256; ++byte)
    if (const auto next = base ^ byte; (units_[next] & 0x800000FF) == byte)
      out = std::max(out, 1 + height(next, depth + 1, heights, what));
  if (depth + out > most) fail_table(what);
  heights[at] = static_cast<signed char>(out);
  return out;
}

NADA_INLINE std::pair<std::size_t, std::string_view> CharacterTable::longest(std::string_view text) const {
  std::pair<std::size_t, std::string_view> out{0, {}};
  if (units_.empty()) return out;
  auto at = offset(units_[0]);
  for (std::size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    const auto unit = units_[at];
    if ((unit & 0x800000FF) != byte) break;
    at ^= offset(unit);
    if (unit >> 8 & 1) out = {i + 1, std::string_view(texts_.c_str() + (units_[at] & 0x7FFFFFFF))};
  }
  return out;
}

/// MessageField is a field of a message of protocol buffers: a number, or bytes.
struct MessageField {
  std::uint64_t key = 0, number = 0;
  std::string_view bytes = {};
};

/// Calls `field(f)` for each field of a message, in order. Returns whether the message is whole.
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
    MessageField f;
    std::uint64_t tag = 0, size = 0;
    if (!number(tag)) return false;
    f.key = tag >> 3;
    const auto type = tag & 7;
    if (type == 0) {
      if (!number(f.number)) return false;
    } else {
      if (type == 2 && !number(size)) return false;
      if (type == 1 || type == 5) size = type == 1 ? 8 : 4;
      if ((type != 1 && type != 2 && type != 5) || size > message.size()) return false;
      f.bytes = message.substr(0, size);
      message.remove_prefix(size);
    }
    field(f);
  }
  return true;
}

/// SentenceModelReader reads a model file.
class SentenceModelReader {
 public:
  explicit SentenceModelReader(const std::string& what) : what_(what) {}

  SentenceModel read(std::string_view file) {
    bool whole = !file.empty();
    const bool outer = read_message(file, [&](const MessageField& f) {
      if (f.key == 1) whole = read_piece(f.bytes) && whole;
      if (f.key == 2) whole = read_trainer(f.bytes) && whole;
      if (f.key == 3) whole = read_normalizer(f.bytes) && whole;
    });
    require(whole && outer && !model_.pieces.empty(), what_,
            ": is no sentencepiece model, expected one such as spiece.model");
    constexpr std::string_view types[] = {"", "unigrams", "byte pairs", "words", "characters"};
    require(model_.type == 1, what_, ": is a sentencepiece model of ",
            model_.type < std::size(types) ? types[model_.type] : "another type",
            ", expected one of unigrams (of Gemma's give tokenizer.json)");
    require(!model_.suffix, what_,
            ": writes blanks behind words (treat_whitespace_as_suffix), which is not computed here");
    finish();
    return std::move(model_);
  }

 private:
  bool read_piece(std::string_view message) {
    SentenceModel::Piece piece;
    const bool whole = read_message(message, [&](const MessageField& f) {
      if (f.key == 1) piece.text = f.bytes;
      if (f.key == 2 && f.bytes.size() == 4) std::memcpy(&piece.score, f.bytes.data(), 4);
      if (f.key == 3 && f.number >= 1 && f.number <= 6) piece.kind = static_cast<SentenceModel::Kind>(f.number);
    });
    model_.pieces.push_back(std::move(piece));
    return whole;
  }
  bool read_trainer(std::string_view message) {
    return read_message(message, [&](const MessageField& f) {
      if (f.key == 3) model_.type = f.number;
      if (f.key == 24) model_.suffix = f.number != 0;
      if (f.key == 35) model_.falls_back = f.number != 0;
    });
  }
  bool read_normalizer(std::string_view message) {
    return read_message(message, [&](const MessageField& f) {
      if (f.key == 2 && !f.bytes.empty()) model_.table = CharacterTable(f.bytes, what_);
      if (f.key == 3) model_.prefix = f.number != 0;
      if (f.key == 4) model_.trims = f.number != 0;
      if (f.key == 5) model_.escapes = f.number != 0;
    });
  }
  void finish();

  const std::string& what_;
  SentenceModel model_;
};

NADA_INLINE void SentenceModelReader::finish() {
  using Kind = SentenceModel::Kind;
  auto& m = model_;
  bool any = false, unknown = false;
  for (std::size_t id = 0; id < m.pieces.size(); ++id) {
    const auto& [text, score, kind] = m.pieces[id];
    require(!text.empty() && std::isfinite(score), what_, ": piece ", id, " has no text or no score");
    require(m.ids.emplace(text, static_cast<std::int32_t>(id)).second, what_, ": has the piece ", in_quotes(text),
            " twice");
    require(kind != Kind::unknown || !unknown, what_, ": has two unknown pieces");
    if (kind == Kind::unknown) m.unknown = static_cast<std::int32_t>(id), unknown = true;
    if (kind == Kind::user) m.fixed.push_back(static_cast<std::int32_t>(id));
    if (kind == Kind::user || kind == Kind::normal) m.sorted.push_back(static_cast<std::int32_t>(id));
    if (kind != Kind::normal) continue;
    m.least = any ? std::min(m.least, score) : score;
    m.most = any ? std::max(m.most, score) : score;
    any = true;
  }
  require(unknown, what_, ": has no unknown piece");
  for (auto* list : {&m.sorted, &m.fixed})
    std::ranges::sort(*list, {}, [&](std::int32_t id) { return m.pieces[static_cast<std::size_t>(id)].text; });
  for (int byte = 0; m.falls_back && byte < 256; ++byte) {
    const auto token = byte_token(static_cast<unsigned char>(byte));
    const auto found = m.ids.find(token);
    require(found != m.ids.end(), what_, ": falls back to bytes, and lacks ", token);
    m.bytes.push_back(found->second);
  }
}

/// Calls `match(id, size)` for each piece of a sorted list that `text` begins with, shortest first.
template <class Match>
void match_pieces(const SentenceModel& model, const std::vector<std::int32_t>& list, std::string_view text,
                  Match&& match) {
  auto first = list.begin(), last = list.end();
  const auto piece = [&](std::int32_t id) -> const std::string& {
    return model.pieces[static_cast<std::size_t>(id)].text;
  };
  for (std::size_t k = 0; k < text.size() && first != last; ++k) {
    const auto byte = static_cast<unsigned char>(text[k]);
    const auto at = [&](std::int32_t id) { return static_cast<unsigned char>(piece(id)[k]); };
    first = std::partition_point(first, last, [&](auto id) { return piece(id).size() <= k || at(id) < byte; });
    last = std::partition_point(first, last, [&](auto id) { return at(id) == byte; });
    if (first != last && piece(*first).size() == k + 1) match(*first, k + 1);
  }
}

/// Returns the bytes of the character that starts with `byte`.
inline std::size_t character_size(char byte) {
  const auto first = static_cast<unsigned char>(byte);
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

}  // namespace detail

NADA_INLINE SentencePieces SentencePieces::parse(std::string_view model, const std::string& what, bool without_prefix) {
  auto read = detail::SentenceModelReader(what).read(model);
  if (without_prefix) read.prefix = false;
  return SentencePieces(std::make_shared<const detail::SentenceModel>(std::move(read)));
}

NADA_INLINE std::optional<std::int64_t> SentencePieces::id_of(const std::string& piece) const {
  const auto found = model_->ids.find(piece);
  return found == model_->ids.end() ? std::nullopt : std::optional<std::int64_t>(found->second);
}

NADA_INLINE std::string SentencePieces::normalized(std::string_view text) const {
  const auto& m = *model_;
  const auto blank = m.escapes ? detail::sentence_blank : std::string_view(" ");
  const auto take = [&] {  // the next characters, by the table
    std::size_t size = 0;
    std::string_view becomes;
    detail::match_pieces(m, m.fixed, text, [&](std::int32_t, std::size_t length) { size = length; });
    if (size > 0)
      becomes = text.substr(0, size);
    else
      std::tie(size, becomes) = m.table.longest(text);
    if (size == 0) {
      size = std::min(detail::character_size(text.front()), text.size());
      becomes = text.substr(0, size);
    }
    text.remove_prefix(size);
    return becomes;
  };
  std::string out;
  for (auto rest = text; m.trims && !text.empty(); rest = text)
    if (take() != " ") {
      text = rest;
      break;
    }
  if (text.empty()) return out;
  if (m.prefix) out = blank;
  bool after_blank = m.trims;
  while (!text.empty()) {
    auto part = take();
    while (after_blank && part.starts_with(' ')) part.remove_prefix(1);
    for (const char c : part)
      if (c == ' ')
        out += blank;
      else
        out += c;
    if (!part.empty()) after_blank = part.ends_with(' ');
    if (!m.trims) after_blank = false;
  }
  while (m.trims && out.ends_with(blank)) out.erase(out.size() - blank.size());
  return out;
}

// The best path to each place of the text, from left to right (Viterbi).
NADA_INLINE std::vector<std::int64_t> SentencePieces::ids(std::string_view text) const {
  const auto& m = *model_;
  const auto whole = normalized(is_utf8(text) ? std::string(text) : encode_utf8(decode_utf8(text)));
  struct Best {
    float score = 0;
    std::int32_t id = -1;  // of the piece that ends here
    std::size_t start = 0;
  };
  std::vector<Best> best(whole.size() + 1);
  const auto unknown_score = m.least - 10;
  for (std::size_t at = 0; at < whole.size();) {
    const auto here = best[at].score;
    const auto size = std::min(detail::character_size(whole[at]), whole.size() - at);
    const auto offer = [&](std::int32_t id, std::size_t length, float score) {
      auto& end = best[at + length];
      if (end.id < 0 || score > end.score) end = {score, id, at};
    };
    bool known = false;
    detail::match_pieces(m, m.sorted, std::string_view(whole).substr(at), [&](std::int32_t id, std::size_t length) {
      const auto& piece = m.pieces[static_cast<std::size_t>(id)];
      const bool fixed = piece.kind == detail::SentenceModel::Kind::user;
      offer(id, length, (fixed ? static_cast<float>(length) * m.most - 0.1F : piece.score) + here);
      known = known || length == size;
    });
    if (!known) offer(m.unknown, size, unknown_score + here);
    at += size;
  }
  std::vector<std::int64_t> out;  // from the last
  for (auto end = whole.size(); end > 0; end = best[end].start) {
    const auto id = best[end].id;
    if (id != m.unknown)
      out.push_back(id);
    else if (m.falls_back)
      for (auto i = end; i-- > best[end].start;) out.push_back(m.bytes[static_cast<unsigned char>(whole[i])]);
    else if (out.empty() || out.back() != id)
      out.push_back(id);
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace nada
