/// Why a check did not run.
#pragma once
#include <array>
#include <string>

namespace nada::parity {

/// The reasons, and the words of the report for each.
enum class Skip { part, vocabulary, container, golden, optional };
inline constexpr std::array skip_words = {"part does not exist yet", "vocabulary not at hand",
                                          "container cannot be read yet and has no twin",
                                          "no golden in double precision", "optional, and failed"};
/// Thrown where it shows that a check cannot run.
struct Skipped {
  Skip why;
  std::string detail;
};

}  // namespace nada::parity
