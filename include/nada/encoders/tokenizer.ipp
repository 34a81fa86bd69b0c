// Bodies of tokenizer.hpp.
#pragma once
#include "nada/encoders/tokenizer.hpp"

#include <zlib.h>

#include <algorithm>
#include <functional>
#include <new>
#include <queue>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/text_cleaning.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {
NADA_INLINE std::string decompressed(std::string_view data, std::string_view what, std::size_t limit) {
  z_stream stream{};
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> owner(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string text;
  std::vector<char> part(std::size_t{1} << 16);
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t size = part.size() - stream.avail_out;
    require(size <= limit - text.size(), what, ": is larger than the ", limit, " bytes expected at most, decompressed");
    text.append(part.data(), size);
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return text;
      inflateReset(&stream);
    } else {
      require(status == Z_OK, what, ": expected a whole gzip file, found damaged or cut data");
    }
  }
}

NADA_INLINE bool starts_in_any_case(std::u32string_view text, std::u32string_view pattern) {
  const auto same = [](char32_t a, char32_t b) { return a == b || (a == 0x17F && b == 's'); };  // 0x17F is a long s
  return text.size() >= pattern.size() &&
         std::equal(pattern.begin(), pattern.end(), text.begin(), [&](char32_t b, char32_t a) { return same(a, b); });
}

NADA_INLINE std::vector<std::u32string_view> pieces(std::u32string_view text) {
  static constexpr std::u32string_view fixed[] = {start_of_text, end_of_text, U"'s",  U"'t", U"'re",
                                                  U"'ve",        U"'m",       U"'ll", U"'d"};
  const auto is_other = [](char32_t c) { return !is_space(c) && !is_letter(c) && !is_number(c); };
  std::vector<std::u32string_view> result;
  while (!text.empty()) {
    std::size_t size = 1;
    const auto found =
        std::find_if(std::begin(fixed), std::end(fixed), [&](auto f) { return starts_in_any_case(text, f); });
    const auto run = [&](auto belongs) {
      return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
    };
    if (found != std::end(fixed)) {
      size = found->size();
    } else if (is_letter(text[0])) {
      size = run(is_letter);
    } else if (is_other(text[0])) {
      size = run(is_other);
    }
    if (!is_space(text[0])) result.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return result;
}

NADA_INLINE ByteSymbols byte_symbols() {
  ByteSymbols symbols;
  std::size_t id = 0;
  const auto prints = [](unsigned byte) { return within(byte, 33, 126) || (byte >= 161 && byte != 173); };
  for (const bool printing : {true, false}) {
    char32_t replacement = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (prints(byte) != printing) continue;
      const char32_t spelled = printing ? byte : replacement++;
      symbols.bytes[id] = static_cast<std::uint8_t>(byte);
      symbols.spelled[id++] = encode_utf8({&spelled, 1});
    }
  }
  return symbols;
}

}  // namespace detail

NADA_INLINE Tokenizer Tokenizer::open(const std::filesystem::path& path) {
  constexpr std::size_t limit = std::size_t{8} << 20;
  std::string text = read_text(path, limit);
  if (text.starts_with("\x1F\x8B")) text = detail::decompressed(text, path.string(), limit);
  return from_merges(text, path.string());
}

NADA_INLINE std::vector<std::int64_t> Tokenizer::ids(std::string_view text) const {
  const std::u32string cleaned = detail::cleaned(text);
  std::vector<std::int64_t> result;
  for (const auto piece : detail::pieces(cleaned)) {
    if (piece == detail::start_of_text) {
      result.push_back(start());
    } else if (piece == detail::end_of_text) {
      result.push_back(end());
    } else {
      append_joined(encode_utf8(piece), result);
    }
  }
  return result;
}

NADA_INLINE std::vector<std::int64_t> Tokenizer::padded(std::string_view text, std::int64_t context,
                                                        bool truncate) const {
  require(context >= 2, "the context must hold at least 2 tokens, start and end, found ", context);
  std::vector<std::int64_t> result = ids(text);
  result.insert(result.begin(), start());
  result.push_back(end());
  const auto size = static_cast<std::size_t>(context);
  require(truncate || result.size() <= size, "the text ", in_quotes(text), " has ", result.size(),
          " tokens with start and end, expected at most ", context, " (the encoder's context)");
  if (result.size() > size) result[size - 1] = end();
  result.resize(size, 0);
  return result;
}

NADA_INLINE Tokenizer Tokenizer::from_merges(std::string_view text, std::string_view what) {
  constexpr std::size_t most = 48894;  // OpenAI's file has more lines, but CLIP was trained with the first 48894
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  std::unordered_map<std::string, std::int32_t> symbols;  // spelling -> id; of equal spellings, the last id
  const auto bytes = detail::byte_symbols();
  for (std::int32_t id = 0; id < 256; ++id) {
    symbols[bytes.spelled[id]] = id;
    symbols[bytes.spelled[id] + "</w>"] = 256 + id;
  }
  auto tables = std::make_shared<Tables>();
  require(!text.empty(), what, ": expected a list of merges, found nothing");
  for (std::size_t number = 1; !text.empty() && pairs.size() < most; ++number) {
    const auto size = text.find('\n');
    auto line = text.substr(0, size);
    text.remove_prefix(size == text.npos ? text.size() : size + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1) {
      require(line.find("#version") != line.npos, what, ": line 1: expected the first line of a list of merges, ",
              "\"#version: 0.2\", found ", in_quotes(line));
      continue;
    }
    const auto blank = std::min(line.find(' '), line.size());
    const std::string left(line.substr(0, blank)), right(line.substr(std::min(blank + 1, line.size())));
    require(symbols.contains(left) && symbols.contains(right), what, ": line ", number,
            ": expected two symbols that bytes or earlier lines make, with a blank between them, found ",
            in_quotes(line));
    symbols[left + right] = static_cast<std::int32_t>(512 + pairs.size());
    pairs.emplace_back(line.substr(0, blank), line.substr(blank + 1));
    tables->merges.append(line).append("\n");
  }
  for (std::size_t rank = 0; rank < pairs.size(); ++rank) {
    const std::string left(pairs[rank].first), right(pairs[rank].second);
    tables->joins[Tables::key(symbols.at(left), symbols.at(right))] = {static_cast<std::int32_t>(rank),
                                                                       symbols.at(left + right)};
  }
  for (std::size_t id = 0; id < 256; ++id) {
    tables->inside[bytes.bytes[id]] = symbols.at(bytes.spelled[id]);
    tables->last[bytes.bytes[id]] = symbols.at(bytes.spelled[id] + "</w>");
  }
  tables->size = static_cast<std::int64_t>(512 + pairs.size() + 2);
  return Tokenizer(std::move(tables));
}

// The symbols of one piece form a linked list. A queue holds the pairs that can be joined: pairs that come first in the
// list of merges come first, then pairs from left to right. This takes O(n log n) for n bytes.
NADA_INLINE void Tokenizer::append_joined(std::string_view bytes, std::vector<std::int64_t>& out) const {
  struct Node {
    std::int32_t symbol;
    std::size_t previous, next;
  };
  const std::size_t count = bytes.size();
  constexpr std::int32_t gone = -1;
  std::vector<Node> nodes(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& symbols = i + 1 < count ? tables_->inside : tables_->last;
    nodes[i] = {symbols[static_cast<unsigned char>(bytes[i])], i == 0 ? count : i - 1, i + 1};
  }
  const auto join_at = [&](std::size_t at) -> const Join* {
    if (at >= count || nodes[at].symbol == gone || nodes[at].next >= count) return nullptr;
    const auto found = tables_->joins.find(Tables::key(nodes[at].symbol, nodes[nodes[at].next].symbol));
    return found == tables_->joins.end() ? nullptr : &found->second;
  };
  using Entry = std::pair<std::int32_t, std::size_t>;  // rank, place of the left symbol
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  const auto offer = [&](std::size_t at) {
    if (const Join* join = join_at(at)) queue.emplace(join->rank, at);
  };
  for (std::size_t i = 0; i < count; ++i) offer(i);

  std::vector<std::size_t> round;  // all places of the best pair, before any of them is joined
  while (!queue.empty()) {
    const std::int32_t rank = queue.top().first;
    round.clear();
    for (; !queue.empty() && queue.top().first == rank; queue.pop()) round.push_back(queue.top().second);
    for (const std::size_t at : round) {
      const Join* join = join_at(at);
      if (join == nullptr || join->rank != rank) continue;  // a neighbour was joined since
      nodes[at].symbol = join->symbol;
      nodes[nodes[at].next].symbol = gone;
      nodes[at].next = nodes[nodes[at].next].next;
      if (nodes[at].next < count) nodes[nodes[at].next].previous = at;
      offer(nodes[at].previous);
      offer(at);
    }
  }
  for (std::size_t i = 0; i < count; i = nodes[i].next) out.push_back(nodes[i].symbol);
}

}  // namespace nada
