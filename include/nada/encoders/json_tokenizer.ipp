// Bodies of json_tokenizer.hpp.
#pragma once
#include "nada/encoders/json_tokenizer.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <queue>
#include <tuple>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/text_cleaning.hpp"
#include "nada/formats/json_text.hpp"

namespace nada {

namespace detail {

NADA_INLINE std::string byte_token(unsigned char byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  return {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
}

NADA_INLINE void AddedTokens::add(const std::string& content, AddedToken token) {
  if (!tokens_.emplace(content, token).second) return;
  const auto place = std::ranges::lower_bound(sizes_, content.size(), std::greater<>());
  if (place == sizes_.end() || *place != content.size()) sizes_.insert(place, content.size());
}

NADA_INLINE std::size_t space_at_start(std::string_view text) {
  std::size_t size = 0;
  for (const char32_t point : decode_utf8(text)) {
    if (!is_space(point)) break;
    size += encode_utf8({&point, 1}).size();
  }
  return size;
}

NADA_INLINE std::size_t space_at_end(std::string_view text) {
  std::size_t size = 0;
  const auto points = decode_utf8(text);
  for (auto point = points.rbegin(); point != points.rend() && is_space(*point); ++point)
    size += encode_utf8({&*point, 1}).size();
  return size;
}

NADA_INLINE std::string NormalizerStep::operator()(std::string_view text) const {
  if (kind == Kind::lower) return encode_utf8(lower_each(decode_utf8(text)));
  if (kind == Kind::prepend) return text.empty() ? std::string() : content + std::string(text);
  std::string out;
  for (std::size_t at = 0;;) {
    const auto found = text.find(pattern, at);
    out += text.substr(at, found == text.npos ? found : found - at);
    if (found == text.npos) return out;
    out += content;
    at = found + pattern.size();
  }
}

/// JsonTokenizerReader makes tables of a file's JSON. Every key is honoured, idle, or refused.
class JsonTokenizerReader {
 public:
  using Json = nlohmann::json;
  explicit JsonTokenizerReader(const std::string& what) : what_(what) {}

  PairTables read(const Json& file) {
    require(file.is_object() && file.contains("model") && file["model"].is_object(), what_,
            ": holds no object model, expected a tokenizer.json");
    for (const auto& [key, value] : file.items())
      require(known(key, {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                          "post_processor", "decoder", "model"}),
              what_, ": ", short_text(key), " is not known here");
    read_model(file["model"]);
    read_normalizer(file.value("normalizer", Json()), 0);
    read_words(file.value("pre_tokenizer", Json()));
    read_added(file.value("added_tokens", Json()));
    read_template(file.value("post_processor", Json()));
    if (const auto padding = file.value("padding", Json()); padding.is_object() && padding.contains("pad_id"))
      tables_.padding = number(padding["pad_id"], "padding.pad_id");
    return std::move(tables_);
  }

 private:
  static bool known(std::string_view key, std::initializer_list<std::string_view> keys) {
    return std::ranges::find(keys, key) != keys.end();
  }
  static std::string short_text(const Json& value) {
    auto text = value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
    if (text.size() > 80) text = text.substr(0, 80) + "...";
    return text;
  }
  std::int32_t number(const Json& value, std::string_view name) const {
    constexpr std::int64_t most = std::int64_t{1} << 24;  // far beyond any vocabulary
    require(value.is_number_integer() && value >= 0 && value < most, what_, ": ", name, " is ", short_text(value),
            ", expected an id in [0, ", most, ")");
    return value.get<std::int32_t>();
  }
  std::string text(const Json& value, std::string_view name) const {
    require(value.is_string(), what_, ": ", name, " is ", short_text(value), ", expected a text");
    return value.get<std::string>();
  }
  bool flag(const Json& object, const char* key, std::string_view name) const {
    const auto value = object.value(key, Json());
    require(value.is_null() || value.is_boolean(), what_, ": ", name, " is ", short_text(value),
            ", expected true or false");
    return value == true;
  }
  [[noreturn]] void refuse(std::string_view name, const Json& value, std::string_view expected) const {
    fail(what_, ": ", name, " is ", short_text(value), ", expected ", expected, ", which is all that is read here");
  }

  void read_model(const Json& model);
  void read_merges(const Json& merges);
  void read_normalizer(const Json& step, int depth);
  void read_words(const Json& cut);
  void read_added(const Json& tokens);
  void read_template(const Json& processor);
  std::vector<std::int64_t> ids_of(const Json& part, const Json& specials) const;

  const std::string& what_;
  std::size_t growth_ = 1;  // of texts, by what the normalizer replaces
  PairTables tables_;
};

NADA_INLINE void JsonTokenizerReader::read_model(const Json& model) {
  if (const auto type = model.value("type", Json("BPE")); type != "BPE") refuse("model.type", type, "\"BPE\"");
  for (const auto& [key, value] : model.items())
    require(known(key, {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                        "byte_fallback", "ignore_merges", "vocab", "merges"}),
            what_, ": ", short_text("model." + key), " is not known here");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const auto value = model.value(key, Json()); !value.is_null() && value != "")
      refuse(std::string("model.") + key, value, "none");
  if (const auto dropout = model.value("dropout", Json()); !dropout.is_null() && dropout != 0)
    refuse("model.dropout", dropout, "none");
  const auto vocabulary = model.value("vocab", Json());
  require(vocabulary.is_object() && !vocabulary.empty(), what_, ": model.vocab is no object of tokens and ids");
  tables_.vocabulary.reserve(vocabulary.size());
  for (const auto& [token, id] : vocabulary.items()) {
    const auto value = number(id, "model.vocab");
    tables_.vocabulary.emplace(token, value);
    tables_.size = std::max<std::int64_t>(tables_.size, value + 1);
  }
  tables_.fuses_unknown = flag(model, "fuse_unk", "model.fuse_unk");
  tables_.falls_back = flag(model, "byte_fallback", "model.byte_fallback");
  tables_.ignores = flag(model, "ignore_merges", "model.ignore_merges");
  for (int byte = 0; tables_.falls_back && byte < 256; ++byte)
    require(tables_.vocabulary.contains(byte_token(static_cast<unsigned char>(byte))), what_,
            ": model.byte_fallback is true, and model.vocab lacks ", byte_token(static_cast<unsigned char>(byte)));
  if (const auto unknown = model.value("unk_token", Json()); !unknown.is_null()) {
    const auto found = tables_.vocabulary.find(text(unknown, "model.unk_token"));
    require(found != tables_.vocabulary.end(), what_, ": model.unk_token is ", short_text(unknown),
            ", which model.vocab lacks");
    tables_.unknown = found->second;
  }
  read_merges(model.value("merges", Json()));
}

NADA_INLINE void JsonTokenizerReader::read_merges(const Json& merges) {
  require(merges.is_array(), what_, ": model.merges is no list");
  tables_.joins.reserve(merges.size());
  std::int32_t rank = 0;
  for (const auto& merge : merges) {  // "a b", or ["a", "b"] in newer versions
    std::string left, right;
    if (merge.is_string()) {
      const auto& line = merge.get_ref<const std::string&>();
      const auto blank = line.find(' ');
      if (blank != line.npos && line.find(' ', blank + 1) == line.npos) {
        left = line.substr(0, blank);
        right = line.substr(blank + 1);
      }
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    }
    const auto& all = tables_.vocabulary;
    const auto a = all.find(left), b = all.find(right), both = all.find(left + right);
    require(a != all.end() && b != all.end() && both != all.end(), what_, ": model.merges holds ", short_text(merge),
            ", expected two symbols that model.vocab holds alone and joined");
    tables_.joins[PairTables::key(a->second, b->second)] = {rank++, both->second};
  }
}

NADA_INLINE void JsonTokenizerReader::read_normalizer(const Json& step, int depth) {
  using Kind = NormalizerStep::Kind;
  constexpr std::size_t most_steps = 8, most_growth = 64;  // Gemma's file has one step, which makes blanks three bytes
  if (step.is_null()) return;
  require(step.is_object(), what_, ": normalizer is ", short_text(step), ", expected an object");
  const auto type = step.value("type", Json());
  auto& steps = tables_.normalizer;
  if (type == "Sequence" && step.value("normalizers", Json()).is_array() && depth < 8) {
    for (const auto& part : step["normalizers"]) read_normalizer(part, depth + 1);
  } else if (type == "Lowercase") {
    steps.push_back({.kind = Kind::lower});
  } else if (type == "Prepend") {
    steps.push_back({.kind = Kind::prepend, .content = text(step.value("prepend", Json()), "normalizer.prepend")});
    require(steps.back().content.size() <= most_growth, what_, ": normalizer.prepend is longer than ", most_growth,
            " bytes");
  } else if (type == "Replace") {
    const auto pattern = step.value("pattern", Json());
    if (!pattern.is_object() || !pattern.contains("String")) refuse("normalizer.pattern", pattern, "a String");
    steps.push_back({.kind = Kind::replace,
                     .pattern = text(pattern["String"], "normalizer.pattern.String"),
                     .content = text(step.value("content", Json()), "normalizer.content")});
    const auto from = steps.back().pattern.size(), to = steps.back().content.size();
    require(from > 0, what_, ": normalizer.pattern.String is empty");
    growth_ *= std::clamp<std::size_t>((to + from - 1) / from, 1, most_growth + 1);
    require(growth_ <= most_growth, what_, ": normalizer makes texts more than ", most_growth, " times as long");
  } else {
    refuse("normalizer.type", type, "Sequence, Replace, Prepend or Lowercase");
  }
  require(steps.size() <= most_steps, what_, ": normalizer has more than ", most_steps, " steps");
}

NADA_INLINE void JsonTokenizerReader::read_words(const Json& cut) {
  if (cut.is_null()) return;
  require(cut.is_object(), what_, ": pre_tokenizer is ", short_text(cut), ", expected an object");
  if (const auto type = cut.value("type", Json()); type != "Split") refuse("pre_tokenizer.type", type, "\"Split\"");
  const auto pattern = cut.value("pattern", Json());
  if (!pattern.is_object() || !pattern.contains("String")) refuse("pre_tokenizer.pattern", pattern, "a String");
  if (const auto how = cut.value("behavior", Json()); how != "MergedWithPrevious")
    refuse("pre_tokenizer.behavior", how, "\"MergedWithPrevious\"");
  if (flag(cut, "invert", "pre_tokenizer.invert")) refuse("pre_tokenizer.invert", true, "false");
  tables_.word_end = text(pattern["String"], "pre_tokenizer.pattern.String");
}

NADA_INLINE void JsonTokenizerReader::read_added(const Json& tokens) {
  constexpr std::size_t most = 1024;
  if (tokens.is_null()) return;
  require(tokens.is_array(), what_, ": added_tokens is no list");
  for (const auto& token : tokens) {
    require(token.is_object() && token.contains("id") && token.contains("content"), what_, ": added_tokens holds ",
            short_text(token), ", expected an object with id and content");
    auto content = text(token["content"], "added_tokens.content");
    require(!content.empty() && content.size() <= most, what_, ": added_tokens holds a text of ", content.size(),
            " bytes, expected 1 to ", most);
    const auto id = number(token["id"], "added_tokens.id");
    if (flag(token, "single_word", "added_tokens.single_word"))
      refuse("added_tokens.single_word of " + short_text(content), true, "false");
    tables_.size = std::max<std::int64_t>(tables_.size, id + 1);
    tables_.vocabulary.emplace(content, id);
    const AddedToken added{id, flag(token, "lstrip", "added_tokens.lstrip"),
                           flag(token, "rstrip", "added_tokens.rstrip")};
    if (!flag(token, "normalized", "added_tokens.normalized")) {
      tables_.before.add(content, added);
      continue;
    }
    for (const auto& step : tables_.normalizer) content = step(content);
    if (!content.empty()) tables_.after.add(content, added);
  }
}

NADA_INLINE std::vector<std::int64_t> JsonTokenizerReader::ids_of(const Json& part, const Json& specials) const {
  const auto name = text(part.value("id", Json()), "post_processor.single.SpecialToken.id");
  const auto special = specials.is_object() ? specials.value(name, Json()) : Json();
  const auto ids = special.is_object() ? special.value("ids", Json()) : Json();
  require(ids.is_array(), what_, ": post_processor.special_tokens says no ids of ", short_text(name));
  std::vector<std::int64_t> out;
  for (const auto& id : ids) out.push_back(number(id, "post_processor.special_tokens"));
  return out;
}

NADA_INLINE void JsonTokenizerReader::read_template(const Json& processor) {
  if (processor.is_null()) return;
  require(processor.is_object(), what_, ": post_processor is ", short_text(processor), ", expected an object");
  if (const auto type = processor.value("type", Json()); type != "TemplateProcessing")
    refuse("post_processor.type", type, "\"TemplateProcessing\"");
  const auto single = processor.value("single", Json());
  require(single.is_array(), what_, ": post_processor.single is no list");
  bool behind = false;
  for (const auto& part : single) {
    const bool own = part.is_object() && part.contains("Sequence");
    if ((own && behind) || !part.is_object() || (!own && !part.contains("SpecialToken")) || !part.front().is_object())
      refuse("post_processor.single", single, "special tokens around one Sequence");
    if (own) {
      behind = true;
      continue;
    }
    const auto ids = ids_of(part["SpecialToken"], processor.value("special_tokens", Json()));
    auto& side = behind ? tables_.end : tables_.start;
    side.insert(side.end(), ids.begin(), ids.end());
  }
}

}  // namespace detail

NADA_INLINE JsonTokenizer JsonTokenizer::parse(std::string_view text, const std::string& what) {
  const auto file = parse_json(text, what, "a tokenizer.json");
  return JsonTokenizer(std::make_shared<const detail::PairTables>(detail::JsonTokenizerReader(what).read(file)));
}

NADA_INLINE std::optional<std::int64_t> JsonTokenizer::id_of(const std::string& token) const {
  const auto found = tables_->vocabulary.find(token);
  return found == tables_->vocabulary.end() ? std::nullopt : std::optional<std::int64_t>(found->second);
}

NADA_INLINE std::string JsonTokenizer::normalized(std::string_view text, bool lower) const {
  std::string out(text);
  if (lower) out = detail::NormalizerStep{.kind = detail::NormalizerStep::Kind::lower}(out);
  for (const auto& step : tables_->normalizer) out = step(out);
  return out;
}

NADA_INLINE std::vector<std::int64_t> JsonTokenizer::ids(std::string_view text, bool lower) const {
  std::vector<std::int64_t> out;
  const auto whole = is_utf8(text) ? std::string(text) : encode_utf8(decode_utf8(text));
  tables_->before.cut(whole, [&](std::string_view part, const detail::AddedToken* token) {
    if (token != nullptr) return out.push_back(token->id);
    tables_->after.cut(normalized(part, lower), [&](std::string_view inner, const detail::AddedToken* other) {
      if (other != nullptr) return out.push_back(other->id);
      append_words(inner, out);
    });
  });
  return out;
}

NADA_INLINE void JsonTokenizer::append_words(std::string_view text, std::vector<std::int64_t>& out) const {
  const auto& mark = tables_->word_end;
  while (!text.empty()) {
    const auto found = mark.empty() ? text.npos : text.find(mark);
    const auto size = found == text.npos ? text.size() : found + mark.size();
    append_word(text.substr(0, size), out);
    text.remove_prefix(size);
  }
}

NADA_INLINE std::vector<std::int32_t> JsonTokenizer::symbols_of(std::string_view word) const {
  const auto& tables = *tables_;
  std::vector<std::int32_t> out;
  bool unknown = false;  // whether the last character had no symbol
  for (const char32_t point : decode_utf8(word)) {
    const auto character = encode_utf8({&point, 1});
    if (const auto found = tables.vocabulary.find(character); found != tables.vocabulary.end()) {
      out.push_back(found->second);
      unknown = false;
    } else if (tables.falls_back) {
      for (const char byte : character)
        out.push_back(tables.vocabulary.at(detail::byte_token(static_cast<unsigned char>(byte))));
      unknown = false;
    } else if (tables.unknown) {
      if (!unknown || !tables.fuses_unknown) out.push_back(*tables.unknown);
      unknown = true;
    }
  }
  return out;
}

// The symbols of one word form a linked list. A queue holds the pairs that can be joined: pairs that come first in the
// list of merges come first, then pairs from left to right. This takes O(n log n) for n characters.
NADA_INLINE void JsonTokenizer::append_word(std::string_view word, std::vector<std::int64_t>& out) const {
  if (tables_->ignores)
    if (const auto whole = tables_->vocabulary.find(std::string(word)); whole != tables_->vocabulary.end())
      return out.push_back(whole->second);
  constexpr std::int32_t gone = -1;
  auto symbols = symbols_of(word);
  const auto count = symbols.size();
  std::vector<std::size_t> previous(count), next(count);
  for (std::size_t i = 0; i < count; ++i) previous[i] = i == 0 ? count : i - 1, next[i] = i + 1;
  using Entry = std::tuple<std::int32_t, std::size_t, std::int32_t>;  // rank, place of the left symbol, joined symbol
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  const auto join_at = [&](std::size_t at) -> const detail::PairTables::Join* {
    if (at >= count || symbols[at] == gone || next[at] >= count) return nullptr;
    const auto found = tables_->joins.find(detail::PairTables::key(symbols[at], symbols[next[at]]));
    return found == tables_->joins.end() ? nullptr : &found->second;
  };
  const auto offer = [&](std::size_t at) {
    if (const auto* join = join_at(at)) queue.emplace(join->rank, at, join->symbol);
  };
  for (std::size_t i = 0; i < count; ++i) offer(i);
  while (!queue.empty()) {
    const auto [rank, at, symbol] = queue.top();
    queue.pop();
    const auto* join = join_at(at);
    if (join == nullptr || join->symbol != symbol) continue;  // a neighbour was joined since
    symbols[at] = symbol;
    symbols[next[at]] = gone;
    next[at] = next[next[at]];
    if (next[at] < count) previous[next[at]] = at;
    offer(previous[at]);
    offer(at);
  }
  for (std::size_t i = 0; i < count; i = next[i]) out.push_back(symbols[i]);
}

}  // namespace nada
