/// Schedules: how a rate or a weight changes from step to step.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nada {

/// Schedule is a factor that depends on the step alone, so that resuming needs no state of it:
///     factor(s) = min(1, (s + 1) / warmup) x shape(s),   s = 0, 1, ... finished steps
///     shape: constant 1; cosine or linear from 1 at step `warmup` to `floor` at step `end`, `floor` behind it;
///            points: linear between (step, factor), the first and last factor outside of them
struct Schedule {
  enum class Shape { constant, cosine, linear, points };
  std::int64_t warmup = 0;  // steps; 0: none
  Shape shape = Shape::constant;
  double floor = 0;
  std::int64_t end = 0;
  std::vector<std::pair<std::int64_t, double>> points = {};  // in rising order of steps

  double factor(std::int64_t step) const;
  bool is_constant() const { return warmup == 0 && shape == Shape::constant; }
  /// Errors:  numbers that are no schedule; `what` begins the sentence.
  void check(const std::string& what) const;
};

/// Reads a schedule: parts with commas between them, `constant`, `warmup:STEPS`, `cosine:FLOOR[:END]`,
/// `linear:FLOOR[:END]`, or points `STEP=FACTOR`; at most one shape. END is `steps` where it is not given.
///     warmup:100,cosine:0.1     0=0,50=1,200=0.3
/// Errors:  another text; `what` begins the sentence.
Schedule read_schedule(const std::string& text, std::int64_t steps, const std::string& what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/training/schedule.ipp"
#endif
