/// Why a check did not run.
#pragma once
#include <array>
#include <string>

namespace nada::parity {

/// Skip is the reason why a check was skipped; the report has words for each.
enum class Skip { part, vocabulary, container, golden, optional };
inline constexpr std::array skip_words = {"part does not exist yet", "vocabulary not at hand",
                                          "container cannot be read yet and has no twin",
                                          "no golden in double precision", "optional, and failed"};
/// Skipped is thrown where a check turns out to be impossible to run.
struct Skipped {
  Skip why;
  std::string detail;
};

}  // namespace nada::parity
