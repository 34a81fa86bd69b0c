// Bodies of small_run.hpp.
#pragma once
#include "nada/checks/small_run.hpp"

#include <stdlib.h>

#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::checks {

NADA_INLINE ScratchFolder::ScratchFolder() {
  auto name = (std::filesystem::temp_directory_path() / "nada-check-XXXXXX").string();
  require(::mkdtemp(name.data()) != nullptr, "cannot make a temporary folder");
  path_ = name;
}

NADA_INLINE ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace nada::checks
