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
#include <string>
#include <string_view>
#include <vector>

#include "nada/formats/file.hpp"

namespace nada {

using CsvRow = std::vector<std::string>;  // the cells of a row

/// Returns the parts of `text` between separators, empty parts too; quotes mean nothing. An empty text is
/// one empty part.
std::vector<std::string> split_at(std::string_view text, char separator);

/// Returns the cells of one line, which is given without its end. Where a quote is never closed, the cell reaches to
/// the end of the line.
CsvRow split_csv_line(std::string_view line);

/// Writes a row as one line of a file, its "\n" included; cells that hold a comma, a quote or a line end are quoted.
std::string csv_line(const CsvRow& cells);

/// Writes `value` with up to `digits` significant digits (printf's %.*g), as metrics.csv and tables have their numbers.
std::string csv_number(double value, int digits = 9);
/// Writes `value` with `digits` digits after the point (printf's %.*f), as the column `seconds` has its numbers.
std::string csv_fixed(double value, int digits = 4);

/// Returns all rows of `text`, the header first; lines without any character are passed over. `what` names the
/// text in errors.
/// Errors:  a row with more or fewer cells than the first, a quote that is never closed.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& what);

/// Returns all rows of a file.
/// Errors:  as parse_csv; a file that cannot be read.
std::vector<CsvRow> read_csv(const std::filesystem::path& path);

/// CsvTail reads a table while another program writes it. A last line that has no end yet is left for the next call;
/// quoted cells hold no line ends here. A file that became shorter is read anew from its start, header included.
class CsvTail {
 public:
  explicit CsvTail(std::filesystem::path path) : path_(std::move(path)) {}

  /// Returns the rows that were finished since the last call, without the header and without rows of another count of
  /// cells; no rows where the file is missing.
  std::vector<CsvRow> more();

  /// The cells of the first line; empty until the file has that line.
  const CsvRow& header() const { return header_; }

 private:
  std::filesystem::path path_;
  std::int64_t at_ = 0;  // bytes that were read
  CsvRow header_;
};

/// CsvLog is a table that a run writes row by row, each row whole and at once. The first column counts steps, which
/// rise from row to row.
class CsvLog {
 public:
  /// Starts the file with its header. Where `step` is above 0 and the file is there, its rows up to that step stay, so
  /// that a run that goes on repeats none.
  /// Errors:  a file that has another header or cannot be written.
  CsvLog(std::filesystem::path path, const CsvRow& header, std::int64_t step = 0);

  /// Returns how many rows stayed from an earlier sitting.
  std::int64_t kept() const { return kept_; }

  /// Writes one row. The row reaches the disk at the latest with the next saved state (sync_files()).
  /// Errors:  a row that cannot be written, such as on a full disk; the table then ends with the row before.
  void row(const CsvRow& cells);

 private:
  std::filesystem::path path_;
  std::int64_t kept_ = 0;
  detail::Descriptor out_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/csv.ipp"
#endif
