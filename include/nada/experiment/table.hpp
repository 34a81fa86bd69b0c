/// Tables of results: Markdown for pages, CSV for other programs, JSON.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "nada/core/error.hpp"
#include "nada/metrics/estimate.hpp"

namespace nada {

/// A number as short as its interval allows: two digits of the half-width, four digits without one.
inline std::string number_of(const Estimate& e) {
  char text[64];
  if (!e.has_interval() || e.half_width == 0) {
    std::snprintf(text, sizeof text, "%.4g", e.value);
    return e.has_interval() ? std::string(text) + " ± 0" : text;
  }
  const int digits = std::clamp(1 - static_cast<int>(std::floor(std::log10(e.half_width))), 0, 6);
  std::snprintf(text, sizeof text, "%.*f ± %.*f", digits, e.value, digits, e.half_width);
  return text;
}

/// One cell: text, or an estimate.
struct Cell {
  std::string text = {};
  Estimate estimate = {};
  bool is_number = false;

  Cell(std::string_view words) : text(words) {}
  Cell(const std::string& words) : text(words) {}
  Cell(const char* words) : text(words) {}
  Cell(const Estimate& e) : estimate(e), is_number(true) {}
  static Cell number(double value) {
    Estimate e;
    e.value = value;
    return e;
  }
};

/// Rows of cells under named columns.
struct Table {
  std::vector<std::string> columns = {};
  std::vector<std::vector<Cell>> rows = {};

  void add(std::vector<Cell> row) {
    require(row.size() == columns.size(), "a row of ", row.size(), " cells for ", columns.size(), " columns");
    rows.push_back(std::move(row));
  }

  /// The columns of these names, in this order, as far as they are there.
  Table only(const std::vector<std::string>& names) const {
    Table out;
    std::vector<std::size_t> places;
    for (const auto& name : names) {
      const auto found = std::find(columns.begin(), columns.end(), name);
      if (found == columns.end()) continue;
      out.columns.push_back(name);
      places.push_back(static_cast<std::size_t>(found - columns.begin()));
    }
    for (const auto& row : rows) {
      auto& shown = out.rows.emplace_back();
      for (const auto c : places) shown.push_back(row[c]);
    }
    return out;
  }

  /// | a | b |, values as `value ± half-width`.
  std::string markdown() const {
    std::string out = "|", line = "|";
    for (const auto& column : columns) out += " " + column + " |", line += "---|";
    out += "\n" + line + "\n";
    for (const auto& row : rows) {
      out += "|";
      for (const auto& cell : row) {
        auto text = cell.is_number ? number_of(cell.estimate) : cell.text;
        for (std::size_t at = 0; (at = text.find('|', at)) != text.npos; at += 2) text.replace(at, 1, "\\|");
        out += " " + text + " |";
      }
      out += "\n";
    }
    return out;
  }

  /// RFC 4180; a column that holds an interval has two more, `<name>_low` and `<name>_high`.
  std::string csv() const {
    std::vector<bool> wide(columns.size(), false);
    for (const auto& row : rows)
      for (std::size_t c = 0; c < row.size(); ++c)
        if (row[c].is_number && row[c].estimate.has_interval()) wide[c] = true;
    const auto field = [](const std::string& text) {
      if (text.find_first_of("\",\n\r") == text.npos) return text;
      std::string quoted = "\"";
      for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
      return quoted + "\"";
    };
    const auto plain = [](double x) {
      char text[64];
      std::snprintf(text, sizeof text, "%.9g", x);
      return std::isfinite(x) ? std::string(text) : std::string();
    };
    std::string out;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      out += (c ? "," : "") + field(columns[c]);
      if (wide[c]) out += "," + field(columns[c] + "_low") + "," + field(columns[c] + "_high");
    }
    out += "\n";
    for (const auto& row : rows) {
      for (std::size_t c = 0; c < row.size(); ++c) {
        if (c) out += ",";
        out += row[c].is_number ? plain(row[c].estimate.value) : field(row[c].text);
        if (wide[c]) {
          const bool has = row[c].is_number && row[c].estimate.has_interval();
          out += "," + (has ? plain(row[c].estimate.low()) : "") + "," + (has ? plain(row[c].estimate.high()) : "");
        }
      }
      out += "\n";
    }
    return out;
  }

  /// A list of objects; an estimate is {"value", "low", "high"}, the last two only where they are known.
  nlohmann::json json() const {
    auto out = nlohmann::json::array();
    for (const auto& row : rows) {
      auto& object = out.emplace_back(nlohmann::json::object());
      for (std::size_t c = 0; c < row.size(); ++c) {
        if (!row[c].is_number) {
          object[columns[c]] = row[c].text;
          continue;
        }
        auto& entry = object[columns[c]] = {{"value", row[c].estimate.value}};
        if (row[c].estimate.has_interval()) {
          entry["low"] = row[c].estimate.low();
          entry["high"] = row[c].estimate.high();
        }
      }
    }
    return out;
  }
};

}  // namespace nada
