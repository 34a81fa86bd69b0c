/// Comma-separated values: metrics.csv, tables of results, tables of captions.
///
///     step,loss,directional,seconds          a header, then rows of as many cells
///     1,0.5,0.25,0.1031
///
/// Source:  RFC 4180, but lines end in "\n" here; files with "\r\n" and with a byte order mark are read too.
/// Facts:   parse_csv(csv_line(cells)) gives the cells back, except where there is one cell and it is empty.
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace nada {

using CsvRow = std::vector<std::string>;  // the cells of a row

/// The parts of `text` between separators, empty ones too; quotes mean nothing. An empty text is one empty part.
std::vector<std::string> split_at(std::string_view text, char separator);

/// The cells of one line, given without its end. Where a quote is never closed its cell reaches to the end of the line.
CsvRow split_csv_line(std::string_view line);

/// A row as one line of a file, its "\n" included; cells that hold a comma, a quote or a line end are quoted.
std::string csv_line(const CsvRow& cells);

/// `value` with up to `digits` significant digits (printf's %.*g): the numbers of metrics.csv and of tables.
std::string csv_number(double value, int digits = 9);
/// `value` with `digits` digits after the point (printf's %.*f): the column `seconds`.
std::string csv_fixed(double value, int digits = 4);

/// All rows of `text`, the header first; lines without any character are passed over. `what` names the text in errors.
/// Errors: a row with more or fewer cells than the first, a quote that is never closed.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& what);

/// All rows of a file. Errors: as parse_csv; the file cannot be read.
std::vector<CsvRow> read_csv(const std::filesystem::path& path);

/// Reads a table while another program writes it. A last line that has no end yet is left for the next call; quoted
/// cells hold no line ends here. A file that became shorter is read anew from its start, header included.
class CsvTail {
 public:
  explicit CsvTail(std::filesystem::path path) : path_(std::move(path)) {}

  /// The rows that were finished since the last call, without the header and without rows of another count of cells;
  /// none where the file is missing.
  std::vector<CsvRow> more();

  /// The cells of the first line; empty until it is there.
  const CsvRow& header() const { return header_; }

 private:
  std::filesystem::path path_;
  std::int64_t at_ = 0;  // bytes that were read
  CsvRow header_;
};

/// A table that a run writes row by row, each whole and at once. Its first column counts steps, rising from row to row.
class CsvLog {
 public:
  /// Starts the file with its header. Where `step` is above 0 and the file is there, its rows up to that step stay, so
  /// that a run that goes on repeats none. Errors: the file has another header or cannot be written.
  CsvLog(std::filesystem::path path, const CsvRow& header, std::int64_t step = 0);

  /// How many rows stayed from an earlier sitting.
  std::int64_t kept() const { return kept_; }

  /// Errors: the row cannot be written, such as on a full disk.
  void row(const CsvRow& cells);

 private:
  std::filesystem::path path_;
  std::int64_t kept_ = 0;
  std::ofstream out_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/csv.ipp"
#endif
