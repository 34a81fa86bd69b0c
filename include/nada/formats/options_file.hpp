/// Option files: lines `key = value` that a person edits and a run writes for its own repetition.
///
///     # a comment: '#' is the first non-blank character of its line, so "sketch #2" below is a value as it stands
///     target = sketch #2
///     source = "  with blanks at its ends, \"quotes\", \\ and \n are written in double quotes"
///     include = other.cfg
///
/// `include` puts the lines of another file, relative to the one that names it, in its place.
/// Facts:   parse_options(format_option(key, value)) gives back any UTF-8 value, NUL included; a key may come again.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/formats/file.hpp"

namespace nada {

struct OptionLine {
  std::string key;                  // [a-z0-9-]+
  std::string value;                // UTF-8, unquoted
  int line;                         // from 1
  std::filesystem::path file = {};  // that the line stands in; empty for a text that is no file

  friend bool operator==(const OptionLine&, const OptionLine&) = default;
};

namespace detail {

std::string_view trim(std::string_view text);

inline bool is_option_key(std::string_view key) {
  return !key.empty() && key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == key.npos;
}

inline constexpr std::pair<char, char> option_escapes[] = {  // letter after the backslash, character that it stands for
    {'"', '"'}, {'\\', '\\'}, {'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'0', '\0'}};

/// Returns the content of `text`, which starts with a double quote.
std::string unquote_option(std::string_view text, const std::string& where);

}  // namespace detail

/// Returns the options of `text` in order; `what` names the text in errors, which read "<what>:<line>: ...".
/// Errors:  a line without '=', a bad key, bad quoting, a NUL byte, invalid UTF-8.
std::vector<OptionLine> parse_options(std::string_view text, std::string_view what);

/// Returns the options of a file and of the files that it includes, in order. A value counts for the file that it stands
/// in: paths are relative to OptionLine::file.
/// An included file that is not there is looked for in the folder `more`, where one is given.
/// Errors:  as parse_options; a file that cannot be read; a file that includes itself, through others too.
std::vector<OptionLine> read_options(const std::filesystem::path& path, const std::filesystem::path& more = {});

/// Writes one line `key = value`, without its line end.
/// Errors:  a bad key, a value that is not UTF-8.
std::string format_option(std::string_view key, std::string_view value);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/options_file.ipp"
#endif
