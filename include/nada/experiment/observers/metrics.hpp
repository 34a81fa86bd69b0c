/// An observer that writes metrics.csv.
#pragma once
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "nada/adaptation/observer.hpp"
#include "nada/formats/csv.hpp"

namespace nada {

/// MetricsObserver writes a line for each step: `step,loss,<term>...,seconds`. A run that resumes keeps the lines up
/// to its state.
/// Errors:  a table with other columns or too few lines; a full disk.
class MetricsObserver {
 public:
  MetricsObserver(std::filesystem::path path, const std::vector<std::string_view>& terms);

  void on_start(RunAccess& run);
  void on_step(const Report& report, RunAccess&);

 private:
  std::filesystem::path path_;
  CsvRow header_;
  std::optional<CsvLog> log_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/metrics.ipp"
#endif
