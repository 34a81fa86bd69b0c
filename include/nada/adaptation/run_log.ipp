// Bodies of run_log.hpp.
#pragma once
#include "nada/adaptation/run_log.hpp"

#include <algorithm>
#include <cstddef>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {
/// Whether a name can be the head of a column in any table and a tag for TensorBoard.
NADA_INLINE bool can_name_a_column(std::string_view name) {
  constexpr std::size_t most = 100;  // bytes
  return !name.empty() && name.size() <= most && is_utf8(name) && std::none_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F || c == ',' || c == '"';
  });
}
}  // namespace detail

NADA_INLINE RunLog::RunLog(const std::vector<std::string_view>& terms) : taken_{"step", "loss", "seconds"} {
  taken_.insert(taken_.end(), terms.begin(), terms.end());
}

NADA_INLINE void RunLog::declare(std::string_view name) {
  const auto same = [&](const Column& column) { return column.name == name; };
  if (std::any_of(columns_.begin(), columns_.end(), same)) return;
  require(phase_ == Phase::declaring, "the number ", in_quotes(name),
          " was not declared before the first step: name it in the observer's `columns`, or log it in on_start too");
  require(detail::can_name_a_column(name), "no number can be logged as ", in_quotes(name),
          ": expected a name of 1 to 100 bytes of UTF-8 without commas, quotes and control characters");
  require(std::find(taken_.begin(), taken_.end(), name) == taken_.end(), "no number can be logged as ", in_quotes(name),
          ": metrics.csv has a column of that name already");
  columns_.push_back({std::string(name), {}});
}

NADA_INLINE void RunLog::log(std::string_view name, double value) {
  require(phase_ != Phase::ended, "the number ", in_quotes(name), " was logged after the last step: log it in on_step");
  declare(name);
  if (phase_ == Phase::declaring) return;
  const auto column = std::find_if(columns_.begin(), columns_.end(), [&](const auto& c) { return c.name == name; });
  require(!column->value, "the number ", in_quotes(name), " was logged twice in one step: do two observers share it?");
  column->value = value;
}

NADA_INLINE void RunLog::begin_step() {
  phase_ = Phase::stepping;
  for (auto& column : columns_) column.value.reset();
}

NADA_INLINE void RunLog::end() { phase_ = Phase::ended; }

}  // namespace nada
