// Bodies of table.hpp.
#pragma once
#include "nada/experiment/table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/csv.hpp"

namespace nada {

NADA_INLINE std::string number_of(const Estimate& e) {
  char text[64];
  if (!e.has_interval() || e.half_width == 0) {
    std::snprintf(text, sizeof text, "%.4g", e.value);
    return e.has_interval() ? std::string(text) + " ± 0" : text;
  }
  const int digits = std::clamp(1 - static_cast<int>(std::floor(std::log10(e.half_width))), 0, 6);
  if (e.offset != 0)
    std::snprintf(text, sizeof text, "%.*f (%.*f to %.*f)", digits, e.value, digits, e.low(), digits, e.high());
  else
    std::snprintf(text, sizeof text, "%.*f ± %.*f", digits, e.value, digits, e.half_width);
  return text;
}

NADA_INLINE Cell Cell::number(double value) {
  Estimate e;
  e.value = value;
  return e;
}

NADA_INLINE void Table::add(std::vector<Cell> row) {
  require(row.size() == columns.size(), "a row of ", row.size(), " cells for ", columns.size(), " columns");
  rows.push_back(std::move(row));
}

NADA_INLINE Table Table::only(const std::vector<std::string>& names) const {
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

NADA_INLINE std::string Table::markdown() const {
  std::string out = "|", line = "|";
  for (const auto& column : columns) out += " " + column + " |", line += "---|";
  out += "\n" + line + "\n";
  for (const auto& row : rows) {
    out += "|";
    for (const auto& cell : row) {
      auto text = cell.is_number ? number_of(cell.estimate) + cell.mark : cell.text;
      for (std::size_t at = 0; (at = text.find('|', at)) != text.npos; at += 2) text.replace(at, 1, "\\|");
      out += " " + text + " |";
    }
    out += "\n";
  }
  return out;
}

NADA_INLINE std::string Table::csv() const {
  std::vector<bool> wide(columns.size(), false);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c)
      if (row[c].is_number && row[c].estimate.has_interval()) wide[c] = true;
  const auto number = [](double x) { return std::isfinite(x) ? csv_number(x) : std::string(); };
  CsvRow header;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    header.push_back(columns[c]);
    if (wide[c]) header.insert(header.end(), {columns[c] + "_low", columns[c] + "_high"});
  }
  auto out = csv_line(header);
  for (const auto& row : rows) {
    CsvRow cells;
    for (std::size_t c = 0; c < row.size(); ++c) {
      cells.push_back(row[c].is_number ? number(row[c].estimate.value) : row[c].text);
      if (!wide[c]) continue;
      const bool has = row[c].is_number && row[c].estimate.has_interval();
      cells.push_back(has ? number(row[c].estimate.low()) : "");
      cells.push_back(has ? number(row[c].estimate.high()) : "");
    }
    out += csv_line(cells);
  }
  return out;
}

NADA_INLINE nlohmann::json Table::json() const {
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

}  // namespace nada
