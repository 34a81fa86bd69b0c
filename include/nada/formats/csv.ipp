// Bodies of csv.hpp.
#pragma once
#include "nada/formats/csv.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <istream>
#include <ostream>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // some spreadsheets write one

/// CsvReader is the state of a reader of RFC 4180 between two characters.
struct CsvReader {
  CsvRow row = CsvRow(1);
  bool quoted = false;  // inside of a quoted cell
  bool any = false;     // the row has a character

  /// Takes the character at text[i] and moves `i` past a doubled quote. Returns whether the character ended the row.
  bool take(std::string_view text, std::size_t& i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"')
        row.back() += c;
      else if (i + 1 < text.size() && text[i + 1] == '"')
        row.back() += text[++i];
      else
        quoted = false;
      return false;
    }
    if (c == '\n') return true;
    if (c == '\r') return false;
    any = true;
    if (c == '"' && row.back().empty())
      quoted = true;
    else if (c == ',')
      row.emplace_back();
    else
      row.back() += c;
    return false;
  }
};

}  // namespace detail

NADA_INLINE std::vector<std::string> split_at(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

NADA_INLINE CsvRow split_csv_line(std::string_view line) {
  detail::CsvReader reader;
  for (std::size_t i = 0; i < line.size(); ++i)
    if (reader.take(line, i)) break;
  return std::move(reader.row);
}

NADA_INLINE std::string csv_line(const CsvRow& cells) {
  std::string out;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (c > 0) out += ',';
    const bool marked = cells[c].starts_with(detail::byte_order_mark);  // which a reader would pass over
    if (!marked && cells[c].find_first_of("\",\n\r") == std::string::npos) {
      out += cells[c];
      continue;
    }
    out += '"';
    for (const char letter : cells[c]) out += letter == '"' ? std::string("\"\"") : std::string(1, letter);
    out += '"';
  }
  return out + '\n';
}

NADA_INLINE std::string csv_number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

NADA_INLINE std::string csv_fixed(double value, int digits) {
  char text[400];  // 1e308 has 309 digits
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

NADA_INLINE std::vector<CsvRow> parse_csv(std::string_view text, const std::string& what) {
  if (text.starts_with(detail::byte_order_mark)) text.remove_prefix(detail::byte_order_mark.size());
  std::vector<CsvRow> rows;
  detail::CsvReader reader;
  const auto end_row = [&] {
    auto [row, quoted, any] = std::exchange(reader, {});
    if (!any) return;
    require(rows.empty() || row.size() == rows.front().size(), what, ": row ", rows.size() + 1, " has ", row.size(),
            " cells, expected ", rows.empty() ? 0 : rows.front().size(), " as in the first row");
    rows.push_back(std::move(row));
  };
  for (std::size_t i = 0; i < text.size(); ++i)
    if (reader.take(text, i)) end_row();
  require(!reader.quoted, what, ": a quote is opened and never closed");
  end_row();
  return rows;
}

NADA_INLINE std::vector<CsvRow> read_csv(const std::filesystem::path& path) {
  return parse_csv(read_text(path), path.string());
}

NADA_INLINE std::vector<CsvRow> CsvTail::more() {
  std::vector<CsvRow> out;
  std::ifstream in(path_, std::ios::binary);
  if (!in) return out;
  in.seekg(0, std::ios::end);
  if (static_cast<std::int64_t>(in.tellg()) < at_) {  // the file was written anew
    at_ = 0;
    header_.clear();
  }
  in.seekg(at_);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    at_ += static_cast<std::int64_t>(line.size()) + 1;
    auto cells = split_csv_line(line);
    if (header_.empty())
      header_ = std::move(cells);
    else if (cells.size() == header_.size())
      out.push_back(std::move(cells));
  }
  return out;
}

NADA_INLINE CsvLog::CsvLog(std::filesystem::path path, const CsvRow& header, std::int64_t step)
    : path_(std::move(path)) {
  const auto first = csv_line(header);
  auto kept = first;
  if (step > 0 && std::filesystem::exists(path_)) {
    const auto text = read_text(path_);
    auto at = text.find('\n');
    require(text.substr(0, at) + '\n' == first, path_, ": the columns are not those of this run");
    while (at != std::string::npos && at + 1 < text.size()) {
      const auto end = text.find('\n', at + 1);
      if (end == std::string::npos || std::strtoll(text.c_str() + at + 1, nullptr, 10) > step) break;
      kept += text.substr(at + 1, end - at);
      ++kept_;
      at = end;
    }
  }
  write_text(path_, kept);
  int number = -1;
  do number = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  while (number < 0 && errno == EINTR);
  require(number >= 0, "cannot write ", path_, ": ", detail::reason(errno));
  out_ = detail::Descriptor(number);
}

NADA_INLINE void CsvLog::row(const CsvRow& cells) { detail::append_whole(out_, csv_line(cells), path_); }

}  // namespace nada
