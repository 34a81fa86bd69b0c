// Bodies of piece_tokenizer.hpp.
#pragma once
#include "nada/encoders/piece_tokenizer.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/text_cleaning.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/json_text.hpp"

namespace nada {

namespace detail {

/// Whether Python's str.isspace() or `\s` holds beyond White_Space: the four separators of ASCII.
inline bool is_python_space(char32_t point) { return is_space(point) || within(point, 0x1C, 0x1F); }

inline bool is_ascii_punctuation(char32_t point) {
  return within(point, 0x21, 0x2F) || within(point, 0x3A, 0x40) || within(point, 0x5B, 0x60) ||
         within(point, 0x7B, 0x7E);
}

/// Removes ASCII punctuation, makes every run of white space one blank, and leaves none at the ends.
NADA_INLINE std::u32string without_punctuation(std::u32string_view text) {
  std::u32string out;
  bool blank = false;
  for (const char32_t point : text) {
    if (is_ascii_punctuation(point)) continue;
    if (is_python_space(point)) {
      blank = !out.empty();
      continue;
    }
    if (blank) out += U' ';
    blank = false;
    out += point;
  }
  return out;
}

inline constexpr std::u32string_view piece_blank = U"\u2581";  // by which pieces write a blank

}  // namespace detail

NADA_INLINE std::string clean_for_pieces(std::string_view text, PieceCleaning cleaning) {
  if (cleaning == PieceCleaning::none) return is_utf8(text) ? std::string(text) : encode_utf8(decode_utf8(text));
  if (cleaning == PieceCleaning::lower) return encode_utf8(detail::lower_each(decode_utf8(text)));
  auto points = cleaning == PieceCleaning::openclip ? detail::cleaned(text) : detail::lower_each(decode_utf8(text));
  if (cleaning == PieceCleaning::openclip) std::ranges::replace(points, U'_', U' ');
  return encode_utf8(detail::without_punctuation(points));
}

NADA_INLINE PieceTokenizer PieceTokenizer::open(const std::filesystem::path& path) {
  const auto content = read_text(path);
  const auto what = path.string();
  if (path.extension() == ".json") {
    PieceTokenizer out(JsonTokenizer::parse(content, what));
    const auto& json = std::get<JsonTokenizer>(out.pieces_);
    out.start_ = json.start();
    out.end_ = json.end().empty() ? std::vector{out.id_of("<eos>", "the end token", what)} : json.end();
    out.padding_ = json.padding() ? *json.padding() : json.id_of("<pad>").value_or(out.end_.back());
    return out;
  }
  PieceTokenizer out(SentencePieces::parse(content, what));
  const auto& model = std::get<SentencePieces>(out.pieces_);
  if (const auto end = model.id_of("</s>")) {
    auto bare = SentencePieces::parse(content, what, /*without_prefix=*/true);
    out.unknown_length_ = bare.ids("<unk>").size();
    out.blank_ = bare.id_of(encode_utf8(detail::piece_blank)).value_or(-1);
    out.special_.add("</s>", {.id = *end, .left = true, .right = true});
    if (const auto unknown = bare.id_of("<unk>"))
      out.special_.add("<unk>", {.id = *unknown, .left = true, .right = true});
    out.pieces_ = std::move(bare);
    out.cleaning_ = PieceCleaning::canonical;
    out.end_ = {*end};
    out.padding_ = *end;
  } else {
    out.end_ = {out.id_of("<eos>", "the end token", what)};
    out.padding_ = model.id_of("<pad>").value_or(out.end_.back());
  }
  return out;
}

NADA_INLINE std::int64_t PieceTokenizer::id_of(const std::string& token, std::string_view key,
                                               const std::string& what) const {
  const auto id = std::visit([&](const auto& pieces) { return pieces.id_of(token); }, pieces_);
  require(id.has_value(), what, ": ", key, " is ", in_quotes(token), ", which the vocabulary lacks");
  return *id;
}

NADA_INLINE void PieceTokenizer::configure(const std::filesystem::path& path) {
  using Json = nlohmann::json;
  const auto what = path.string();
  const auto config = parse_json(read_text(path), what, "the configuration of a tokenizer");
  require(config.is_object(), what, ": is not a JSON object, expected the configuration of a tokenizer");
  constexpr std::string_view classes[] = {"SiglipTokenizer",    "Siglip2Tokenizer",  "GemmaTokenizer",
                                          "GemmaTokenizerFast", "TokenizersBackend", "PreTrainedTokenizerFast",
                                          "T5Tokenizer",        "T5TokenizerFast"};
  if (const auto name = config.value("tokenizer_class", Json()); !name.is_null())
    require(name.is_string() && std::ranges::find(classes, name.get<std::string>()) != std::end(classes), what,
            ": tokenizer_class is ", name.dump(), ", expected SigLIP's or Gemma's");
  const auto flag = [&](const char* key) -> std::optional<bool> {
    const auto value = config.value(key, Json());
    require(value.is_null() || value.is_boolean(), what, ": ", key, " is ", value.dump(), ", expected true or false");
    return value.is_null() ? std::nullopt : std::optional(value.get<bool>());
  };
  const auto token = [&](const char* key) -> std::optional<std::int64_t> {
    auto value = config.value(key, Json());
    if (value.is_object()) value = value.value("content", Json());
    if (value.is_null()) return std::nullopt;
    require(value.is_string(), what, ": ", key, " is ", value.dump(), ", expected a token");
    return id_of(value.get<std::string>(), key, what);
  };
  if (const auto kept = config.value("sp_model_kwargs", Json()); kept.is_object())
    require(kept.empty(), what, ": sp_model_kwargs is ", kept.dump(), ", expected {}, which is all that is honoured");
  if (const auto end = token("eos_token")) end_ = {*end};
  if (const auto padding = token("pad_token")) padding_ = *padding;
  if (flag("add_eos_token") == false) end_.clear();
  if (const auto adds = flag("add_bos_token")) {
    const auto first = token("bos_token");
    require(!*adds || first.has_value(), what, ": add_bos_token is true, and there is no bos_token");
    start_ = *adds ? std::vector{*first} : std::vector<std::int64_t>{};
  }
  if (flag("do_lower_case") == false && cleaning_ == PieceCleaning::lower) cleaning_ = PieceCleaning::none;
  require(flag("do_lower_case") != false || cleaning_ != PieceCleaning::canonical, what,
          ": do_lower_case is false, expected true, which is all that is computed for SigLIP");
}

NADA_INLINE std::int64_t PieceTokenizer::vocabulary_size() const {
  return std::visit([](const auto& pieces) { return pieces.vocabulary_size(); }, pieces_);
}

NADA_INLINE std::vector<std::int64_t> PieceTokenizer::ids(std::string_view text) const {
  if (const auto* json = std::get_if<JsonTokenizer>(&pieces_)) {
    if (cleaning_ == PieceCleaning::lower) return json->ids(text, /*lower=*/true);
    return json->ids(clean_for_pieces(text, cleaning_));
  }
  const auto& model = std::get<SentencePieces>(pieces_);
  if (unknown_length_ == 0) return model.ids(clean_for_pieces(text, cleaning_));
  std::u32string points(detail::piece_blank);
  for (const char32_t point : decode_utf8(text)) points += point == detail::piece_blank[0] ? U' ' : point;
  std::vector<std::int64_t> out;
  special_.cut(encode_utf8(points), [&](std::string_view part, const detail::AddedToken* token) {
    if (token != nullptr) {
      if (out.size() == 1 && out.front() == blank_) out.clear();  // the blank before the text is of no word
      return out.push_back(token->id);
    }
    // A blank at the start is kept only behind something, which is "<unk>", and whose pieces are dropped.
    const auto ids = model.ids("<unk>" + clean_for_pieces(part, cleaning_));
    out.insert(out.end(), ids.begin() + static_cast<std::ptrdiff_t>(std::min(unknown_length_, ids.size())), ids.end());
  });
  return out;
}

NADA_INLINE std::vector<std::int64_t> PieceTokenizer::padded(std::string_view text, std::int64_t context) const {
  auto out = ids(text);
  out.insert(out.begin(), start_.begin(), start_.end());
  out.insert(out.end(), end_.begin(), end_.end());
  require(static_cast<std::int64_t>(out.size()) <= context, "the text ", in_quotes(text), " has ", out.size(),
          " tokens with start and end, expected at most ", context, " (the encoder's context)");
  out.resize(static_cast<std::size_t>(context), padding_);
  return out;
}

}  // namespace nada
