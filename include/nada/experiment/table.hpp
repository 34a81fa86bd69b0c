/// Tables of results: Markdown for pages, CSV for other programs, JSON.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "nada/metrics/estimate.hpp"

namespace nada {

/// Writes a number as short as its interval allows: two digits of the half-width, four digits without an interval. An
/// interval that lies unevenly around its value is written as `value (low to high)`.
std::string number_of(const Estimate& e);

/// Cell is a cell of a table: text, or an estimate.
struct Cell {
  std::string text = {};
  Estimate estimate = {};
  bool is_number = false;
  std::string mark = {};  // stands behind a number in Markdown

  Cell(std::string_view words) : text(words) {}
  Cell(const std::string& words) : text(words) {}
  Cell(const char* words) : text(words) {}
  Cell(const Estimate& e) : estimate(e), is_number(true) {}
  static Cell number(double value);
};

/// Table holds rows of cells under named columns.
struct Table {
  std::vector<std::string> columns = {};
  std::vector<std::vector<Cell>> rows = {};

  void add(std::vector<Cell> row);

  /// Returns the columns of these names, in this order, without names that the table does not have.
  Table only(const std::vector<std::string>& names) const;

  /// Returns rows `| a | b |`, with values as number_of() writes them.
  std::string markdown() const;

  /// Returns the table by RFC 4180; a column that holds an interval has two more columns,
  /// `<name>_low` and `<name>_high`.
  std::string csv() const;

  /// Returns a list of objects; an estimate is {"value", "low", "high"}, the last two only where they are known.
  nlohmann::json json() const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/table.ipp"
#endif
