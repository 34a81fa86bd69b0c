// Bodies of pickle_bytes.hpp.
#pragma once
#include "nada/formats/pickle_bytes.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/file.hpp"

namespace nada::detail {

/// Returns the number that the whole of `text` spells.
template <class Number, class... Base>
std::optional<Number> number_in(std::string_view text, Base... base) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

NADA_INLINE Value& PickleBytes::expect(Value& value, Value::Kind kind) const {
  require(value.is(kind), where(), " wants ", name_of(kind), ", found ", name_of(value.kind()));
  return value;
}

NADA_INLINE std::uint8_t PickleBytes::instruction() {
  require(!rest_.empty(), memory_.what(), ": the pickle is cut off at its byte ", rest_.data() - start_);
  return number<std::uint8_t>();
}

NADA_INLINE void PickleBytes::require_bytes(std::uint64_t length) const {
  require(length <= rest_.size(), where(), " announces ", length, " bytes, and ", rest_.size(),
          " follow: it is cut off or damaged");
}

NADA_INLINE void PickleBytes::refuse_negative(std::int64_t length) const {
  require(length >= 0, where(), " announces ", length, " bytes: it is damaged");
}

NADA_INLINE std::span<const std::byte> PickleBytes::take(std::uint64_t length) {
  require_bytes(length);
  const auto part = rest_.first(static_cast<std::size_t>(length));
  rest_ = rest_.subspan(part.size());
  return part;
}

NADA_INLINE std::string_view PickleBytes::characters(std::uint64_t length) {
  const auto part = take(length);
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

NADA_INLINE std::string_view PickleBytes::line() {
  const auto text = std::string_view(reinterpret_cast<const char*>(rest_.data()), rest_.size());
  const auto end = text.find('\n');
  require(end != text.npos, where(), " starts a line without an end: it is cut off or damaged");
  rest_ = rest_.subspan(end + 1);
  return text.substr(0, end);
}

NADA_INLINE std::uint64_t PickleBytes::index_line() {
  const auto text = line();
  const auto index = number_in<std::uint64_t>(text);
  require(index.has_value(), where(), " follows ", in_quotes(text), ", expected a number");
  return *index;
}

NADA_INLINE double PickleBytes::real_line() {
  const auto text = line();
  const auto value = number_in<double>(text);
  require(value.has_value(), where(), " follows ", in_quotes(text), ", expected a number");
  return *value;
}

NADA_INLINE std::int64_t PickleBytes::integer(std::string_view text) const {
  const auto value = number_in<std::int64_t>(text);
  require(value.has_value(), where(), " follows ", in_quotes(text), ", expected an integer of 64 bits");
  return *value;
}

NADA_INLINE std::uint32_t PickleBytes::hex(std::string_view text, std::size_t& at, std::size_t digits) const {
  const auto part = text.substr(at + 1, digits);
  const auto value = number_in<std::uint32_t>(part, 16);
  require(value && part.size() == digits, where(), " follows a text with a broken escape");
  at += digits;
  return *value;
}

NADA_INLINE std::string_view PickleBytes::string_line() {
  auto text = line();
  require(text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0], where(), " follows ",
          in_quotes(text), ", expected a text in quotes");
  text = text.substr(1, text.size() - 2);
  if (text.find('\\') == text.npos) return text;
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    require(++at < text.size(), where(), " follows a text with a broken escape");
    constexpr std::string_view names = "nrtabfv0'\"\\", values = std::string_view("\n\r\t\a\b\f\v\0'\"\\", 11);
    if (text[at] == 'x')
      out += static_cast<char>(hex(text, at, 2));
    else if (const auto name = names.find(text[at]); name != names.npos)
      out += values[name];
    else
      fail(where(), " follows a text with a broken escape");
  }
  return memory_.keep_text(std::move(out));
}

NADA_INLINE std::string_view PickleBytes::unicode_line() {
  const auto text = line();
  const auto plain = [](char c) { return c != '\\' && static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), plain)) return text;
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escaped = text[at] == '\\' && at + 1 < text.size();
    if (escaped && (text[at + 1] == 'u' || text[at + 1] == 'U')) {
      ++at;
      const auto point = hex(text, at, text[at] == 'u' ? 4 : 8);
      require(point < 0x110000, where(), " follows a text with a broken escape");
      append_utf8(out, point);
    } else {
      append_utf8(out, static_cast<unsigned char>(text[at]));
    }
  }
  return memory_.keep_text(std::move(out));
}

}  // namespace nada::detail
