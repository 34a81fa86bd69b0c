// Bodies of metrics.hpp.
#pragma once
#include "nada/experiment/observers/metrics.hpp"

#include <string>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE MetricsObserver::MetricsObserver(std::filesystem::path path, const std::vector<std::string_view>& terms)
    : path_(std::move(path)), terms_(terms.begin(), terms.end()) {}

NADA_INLINE void MetricsObserver::on_start(RunAccess& run) {
  CsvRow header{"step", "loss"};
  header.insert(header.end(), terms_.begin(), terms_.end());
  for (const auto& column : run.logged.columns()) header.push_back(column.name);
  header.push_back("seconds");
  logged_ = run.logged.columns().size();
  log_.emplace(path_, header, run.step);
  require(log_->kept() == run.step, path_, ": expected ", run.step, " lines, found ", log_->kept());
}

NADA_INLINE void MetricsObserver::on_step(const Report& report, RunAccess& run) {
  require(run.logged.columns().size() == logged_, path_,
          ": an observer that logs must stand before the one that writes this table");
  CsvRow row{std::to_string(report.step), csv_number(report.loss)};
  for (const auto& [name, value] : report.terms) row.push_back(csv_number(value));
  for (const auto& column : run.logged.columns()) row.push_back(column.value ? csv_number(*column.value) : "");
  row.push_back(csv_fixed(report.seconds));
  log_->row(row);
}

}  // namespace nada
