/// The outcomes of the checks, and how the program reports them.
#pragma once
#include <cstddef>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operations.hpp"
#include "skipped.hpp"

namespace nada::parity {

/// Outcome is the result of one check.
struct Outcome {
  std::string name, operation;
  std::optional<Skip> skipped = {};
  double worst = 0;  // worst error of all roles, relative to the tolerance
  std::string worst_role = {};
  std::vector<std::string> lines = {}, failures = {};  // one line for each role; for each failed role
};

/// Totals say how many checks passed, failed and were skipped, and why.
struct Totals {
  int passed = 0, failed = 0, skipped = 0;
  std::map<Skip, int> reasons = {};

  void count(const Outcome& outcome) {
    ++(outcome.skipped ? skipped : outcome.failures.empty() ? passed : failed);
    if (outcome.skipped) ++reasons[*outcome.skipped];
  }
  /// Returns the program's exit code: 0 where at least one check passed and none failed. With `strict`, a check that
  /// was skipped because its part does not exist yet counts as failed.
  int exit_code(bool strict) const {
    return failed > 0 || passed == 0 || (strict && reasons.count(Skip::part)) ? 1 : 0;
  }
};

/// Prints one line for each operation, with the check whose error is the largest share of its tolerance.
inline void print_table(const std::vector<Outcome>& outcomes) {
  std::printf("%-25s%5s%8s%8s%9s  %s\n", "operation", "run", "passed", "failed", "skipped", "worst error / tolerance");
  for (const auto& operation : operations) {
    Totals totals;
    const Outcome* worst = nullptr;
    for (const auto& outcome : outcomes) {
      if (outcome.operation != operation.name) continue;
      totals.count(outcome);
      if (!outcome.skipped && (!worst || outcome.worst > worst->worst)) worst = &outcome;
    }
    const int run = totals.passed + totals.failed;
    if (run + totals.skipped == 0) continue;
    std::printf("%-25s%5d%8d%8d%9d", operation.name.data(), run, totals.passed, totals.failed, totals.skipped);
    if (worst) std::printf("  %-8.2g%s  %s", worst->worst, worst->name.c_str(), worst->worst_role.c_str());
    std::printf("\n");
  }
}

/// Prints table, failures, reasons and totals. With `verbose`, also every value and every skipped check.
inline Totals report(const std::vector<Outcome>& outcomes, bool verbose) {
  print_table(outcomes);
  Totals totals;
  for (const auto& outcome : outcomes) {
    totals.count(outcome);
    const auto* why = outcome.skipped ? skip_words[static_cast<std::size_t>(*outcome.skipped)] : "";
    if (verbose || outcome.skipped == Skip::optional)
      for (const auto& line : outcome.lines)
        std::printf("        %s: %s %s\n", outcome.name.c_str(), why, line.c_str());
    for (const auto& line : outcome.failures) std::printf("FAILED  %s: %s\n", outcome.name.c_str(), line.c_str());
  }
  for (const auto& [why, count] : totals.reasons)
    std::printf("%d skipped: %s\n", count, skip_words[static_cast<std::size_t>(why)]);
  std::printf("%d passed, %d failed, %d skipped\n", totals.passed, totals.failed, totals.skipped);
  return totals;
}

}  // namespace nada::parity
