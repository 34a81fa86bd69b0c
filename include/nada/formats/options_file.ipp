// Bodies of options_file.hpp.
#pragma once
#include "nada/formats/options_file.hpp"

#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"

namespace nada {

namespace detail {
NADA_INLINE std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

NADA_INLINE std::string unquote_option(std::string_view text, const std::string& where) {
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      require(at + 1 == text.size(), where, ": expected nothing after the closing quote, found ",
              in_quotes(trim(text.substr(at + 1))));
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
            in_quotes(text.substr(at - 1, 2)));
    value += known->second;
  }
  fail(where, ": the quoted value has no closing quote");
}

}  // namespace detail

NADA_INLINE std::vector<OptionLine> parse_options(std::string_view text, std::string_view what) {
  std::vector<OptionLine> options;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // the mark that some editors put first
  for (int line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    const auto raw = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const auto where = [&] { return join(what, ":", line); };
    require(raw.find('\0') == raw.npos, where(), ": has a NUL byte, expected text");
    require(is_utf8(raw), where(), ": is not UTF-8 text: ", in_quotes(raw));
    const auto content = detail::trim(raw);
    if (content.empty() || content.front() == '#') continue;
    const auto equals = content.find('=');
    require(equals != content.npos, where(), ": expected `key = value`, found ", in_quotes(content));
    const auto key = detail::trim(content.substr(0, equals));
    require(detail::is_option_key(key), where(), ": expected a key of the characters a-z, 0-9 and -, found ",
            in_quotes(key));
    const auto value = detail::trim(content.substr(equals + 1));
    options.push_back(
        {std::string(key), value.starts_with('"') ? detail::unquote_option(value, where()) : std::string(value), line});
  }
  return options;
}

namespace detail {
/// Appends the options of `path` to `out`; `within` are the files that include it, outermost first.
NADA_INLINE void read_options_into(std::vector<OptionLine>& out, const std::filesystem::path& path,
                                   const std::filesystem::path& more, std::vector<std::filesystem::path>& within) {
  std::error_code ignored;
  for (const auto& outer : within)
    require(!std::filesystem::equivalent(outer, path, ignored), within.back(), ": includes ", path.string(),
            ", which it is part of");
  within.push_back(path);
  for (auto& line : parse_options(read_text(path, std::size_t{16} << 20), path.string())) {
    line.file = path;
    if (line.key != "include") {
      out.push_back(std::move(line));
      continue;
    }
    auto inner = (path.parent_path() / line.value).lexically_normal();
    if (!more.empty() && !std::filesystem::exists(inner, ignored) &&
        std::filesystem::exists(more / line.value, ignored))
      inner = more / line.value;
    require(std::filesystem::exists(inner, ignored), path, ":", line.line, ": includes ", inner.string(),
            ", which is not there");
    read_options_into(out, inner, more, within);
  }
  within.pop_back();
}
}  // namespace detail

NADA_INLINE std::vector<OptionLine> read_options(const std::filesystem::path& path, const std::filesystem::path& more) {
  std::vector<OptionLine> out;
  std::vector<std::filesystem::path> within;
  detail::read_options_into(out, path, more, within);
  return out;
}

NADA_INLINE std::string format_option(std::string_view key, std::string_view value) {
  require(detail::is_option_key(key), "expected an option key of the characters a-z, 0-9 and -, found ",
          in_quotes(key));
  require(is_utf8(value), "the value of the option ", key, " is not UTF-8 text: ", in_quotes(value));
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
