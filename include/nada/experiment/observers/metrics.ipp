// Bodies of metrics.hpp.
#pragma once
#include "nada/experiment/observers/metrics.hpp"

#include <string>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE MetricsObserver::MetricsObserver(std::filesystem::path path, const std::vector<std::string_view>& terms)
    : path_(std::move(path)), header_{"step", "loss"} {
  header_.insert(header_.end(), terms.begin(), terms.end());
  header_.push_back("seconds");
}

NADA_INLINE void MetricsObserver::on_start(RunAccess& run) {
  log_.emplace(path_, header_, run.step);
  require(log_->kept() == run.step, path_, ": expected ", run.step, " lines, found ", log_->kept());
}

NADA_INLINE void MetricsObserver::on_step(const Report& report, RunAccess&) {
  CsvRow row{std::to_string(report.step), csv_number(report.loss)};
  for (const auto& [name, value] : report.terms) row.push_back(csv_number(value));
  row.push_back(csv_fixed(report.seconds));
  log_->row(row);
}

}  // namespace nada
