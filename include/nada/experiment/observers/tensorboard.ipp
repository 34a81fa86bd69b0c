// Bodies of tensorboard.hpp.
#pragma once
#include "nada/experiment/observers/tensorboard.hpp"

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {
/// Returns the float that is nearest to the number in metrics.csv, so that both files say the same.
NADA_INLINE float as_in_table(double value) { return std::strtof(csv_number(value).c_str(), nullptr); }
}  // namespace detail

NADA_INLINE void TensorBoardObserver::on_start(RunAccess& run) {
  events_.emplace(folder_ / file_name, run.step);
  if (events_->last(options_tag) < 0) {
    std::string indented;  // which Markdown shows as it is
    for (const auto& line : split_at(folder_.notes().options_text, '\n')) indented += "    " + line + "\n";
    events_->text(run.step, options_tag, indented);
  }
  add_grid();
}

NADA_INLINE void TensorBoardObserver::on_step(const Report& report, RunAccess& run) {
  std::vector<std::pair<std::string, float>> numbers{{"loss", detail::as_in_table(report.loss)}};
  for (const auto& [name, value] : report.terms) numbers.emplace_back(name, detail::as_in_table(value));
  for (const auto& column : run.logged.columns())
    if (column.value) numbers.emplace_back(column.name, detail::as_in_table(*column.value));
  events_->scalars(report.step, numbers);
  add_grid();
}

NADA_INLINE void TensorBoardObserver::add_grid() {
  if (samples_.drawn() <= events_->last(grid_tag)) return;
  events_->image(samples_.drawn(), grid_tag, MappedFile(folder_.picture(samples_.drawn())).bytes());
}

}  // namespace nada
