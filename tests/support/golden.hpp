/// Finds the golden numbers: a part in the repository, and the full set where it lies beside the checkout.
#pragma once
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

namespace nada::test {

/// Returns the part that is kept with the code. Its files are always there: a test that does not find them fails.
inline std::filesystem::path kept_golden() { return std::filesystem::path(NADA_SOURCE_DIR) / "tests/golden"; }

/// Returns the full set: the folder of the environment's NADA_GOLDEN, else ../shared/golden.
inline std::filesystem::path full_golden() {
  const char* const chosen = std::getenv("NADA_GOLDEN");
  return chosen != nullptr ? std::filesystem::path(chosen)
                           : std::filesystem::path(NADA_SOURCE_DIR) / "../shared/golden";
}

/// A precondition of test cases; where it is not met, Boost.Test counts them as skipped.
inline boost::test_tools::assertion_result full_golden_is_there(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result found(std::filesystem::exists(full_golden() / "clip/tokenizer.json"));
  found.message() << "there are no full golden numbers at " << full_golden().string();
  return found;
}

}  // namespace nada::test
