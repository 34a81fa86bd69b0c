/// Numbers that observers log beside the terms of a run.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nada {

/// RunLog holds a column for each number that observers log, and the numbers of the step at hand. Columns are declared
/// before the first step, because a table has its header before its rows; a number that a step does not log is an empty
/// cell of that step.
/// Errors:  a name that is empty, longer than 100 bytes, not UTF-8 or has commas, quotes or control characters; the name
///          of another column: step, loss, seconds or a term; a number that was not declared, that is logged twice in a
///          step, or after the last step.
class RunLog {
 public:
  struct Column {
    std::string name;
    std::optional<double> value;  // of this step
  };

  /// `terms` are names that no logged number may have.
  explicit RunLog(const std::vector<std::string_view>& terms = {});

  /// Adds a column, unless there is one of this name.
  void declare(std::string_view name);
  /// Keeps a number of this step. Before the first step log() declares the column and forgets the number.
  void log(std::string_view name, double value);

  /// Forgets the numbers of the step before; from the first call on no column can be declared.
  void begin_step();
  /// Ends logging: the run takes no further step.
  void end();

  /// The columns in the order in which they were declared.
  const std::vector<Column>& columns() const { return columns_; }

 private:
  enum class Phase { declaring, stepping, ended };

  std::vector<std::string> taken_;
  std::vector<Column> columns_;
  Phase phase_ = Phase::declaring;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/run_log.ipp"
#endif
