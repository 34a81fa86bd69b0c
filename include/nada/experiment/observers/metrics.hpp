/// An observer that writes metrics.csv.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "nada/adaptation/observer.hpp"
#include "nada/formats/csv.hpp"

namespace nada {

/// MetricsObserver writes a line for each step: `step,loss,<term>...,<logged number>...,seconds`. The cell of a number
/// that was not logged in the step is empty. A run that resumes keeps the lines up to its state.
/// Errors:  a table with other columns or too few lines; an observer behind this one that logs; a full disk.
class MetricsObserver {
 public:
  MetricsObserver(std::filesystem::path path, const std::vector<std::string_view>& terms);

  void on_start(RunAccess& run);
  void on_step(const Report& report, RunAccess& run);

 private:
  std::filesystem::path path_;
  CsvRow terms_;
  std::size_t logged_ = 0;  // columns of logged numbers
  std::optional<CsvLog> log_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/metrics.ipp"
#endif
