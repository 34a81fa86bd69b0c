/// Option files: lines `key = value` that a person edits and a run writes for its own repetition.
///
///     # a comment: '#' is the first non-blank character of its line, so "sketch #2" below is a value as it stands
///     target = sketch #2
///     source = "  with blanks at its ends, \"quotes\", \\ and \n are written in double quotes"
///
/// Facts: parse_options(format_option(key, value)) gives back any UTF-8 value, NUL included; a key may come again.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

struct OptionLine {
  std::string key;    // [a-z0-9-]+
  std::string value;  // UTF-8, unquoted
  int line;           // from 1

  friend bool operator==(const OptionLine&, const OptionLine&) = default;
};

namespace detail {

inline std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

inline bool is_option_key(std::string_view key) {
  return !key.empty() && key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == key.npos;
}

inline constexpr std::pair<char, char> option_escapes[] = {  // after the backslash, what it stands for
    {'"', '"'}, {'\\', '\\'}, {'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'0', '\0'}};

/// The content of `text`, which starts with a double quote.
inline std::string unquote_option(std::string_view text, const std::string& where) {
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      require(at + 1 == text.size(), where, ": expected nothing after the closing quote, found ",
              quoted(trim(text.substr(at + 1))));
      return value;
    }
    if (text[at] != '\\') {
      value += text[at];
      continue;
    }
    if (++at == text.size()) break;
    const std::pair<char, char>* known = nullptr;
    for (const auto& escape : option_escapes)
      if (escape.first == text[at]) known = &escape;
    require(known != nullptr, where, R"(: expected one of \" \\ \n \t \r \0 in a quoted value, found )",
            quoted(text.substr(at - 1, 2)));
    value += known->second;
  }
  fail(where, ": the quoted value has no closing quote");
}

}  // namespace detail

/// The options of `text` in order; `what` names it in errors, which read "<what>:<line>: ...".
/// Errors: a line without '=', a bad key, bad quoting, a NUL byte, invalid UTF-8.
inline std::vector<OptionLine> parse_options(std::string_view text, std::string_view what) {
  std::vector<OptionLine> options;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // the mark that some editors put first
  for (int line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    const auto raw = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const auto where = [&] { return join(what, ":", line); };
    require(raw.find('\0') == raw.npos, where(), ": has a NUL byte, expected text");
    require(is_utf8(raw), where(), ": is not UTF-8 text: ", detail::quoted(raw));
    const auto content = detail::trim(raw);
    if (content.empty() || content.front() == '#') continue;
    const auto equals = content.find('=');
    require(equals != content.npos, where(), ": expected `key = value`, found ", detail::quoted(content));
    const auto key = detail::trim(content.substr(0, equals));
    require(detail::is_option_key(key), where(), ": expected a key of the characters a-z, 0-9 and -, found ",
            detail::quoted(key));
    const auto value = detail::trim(content.substr(equals + 1));
    options.push_back(
        {std::string(key), value.starts_with('"') ? detail::unquote_option(value, where()) : std::string(value), line});
  }
  return options;
}

/// The options of a file. Errors: as parse_options; the file cannot be read.
inline std::vector<OptionLine> read_options(const std::filesystem::path& path) {
  return parse_options(read_text(path, std::size_t{16} << 20), path.string());
}

/// One line `key = value`, without its line end. Errors: a bad key, a value that is not UTF-8.
inline std::string format_option(std::string_view key, std::string_view value) {
  require(detail::is_option_key(key), "expected an option key of the characters a-z, 0-9 and -, found ",
          detail::quoted(key));
  require(is_utf8(value), "the value of the option ", key, " is not UTF-8 text: ", detail::quoted(value));
  auto line = std::string(key) + " = ";
  constexpr std::string_view special("\"\\\n\r\0", 5);
  if (!value.empty() && detail::trim(value) == value && value.find_first_of(special) == value.npos)
    return line.append(value);
  line += '"';
  for (const char c : value) {
    const std::pair<char, char>* known = nullptr;
    for (const auto& escape : detail::option_escapes)
      if (escape.second == c) known = &escape;
    if (known != nullptr) line += '\\';
    line += known != nullptr ? known->first : c;
  }
  return line + '"';
}

}  // namespace nada
