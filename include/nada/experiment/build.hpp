/// What this build is. Programs of the project's own build know their version and where the shipped configurations are.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

#if __has_include("nada_build.hpp")
#include "nada_build.hpp"  // NADA_REVISION, NADA_SOURCE_DIR
#endif

namespace nada {

namespace detail {

/// Known at run time, so that all translation units of a program agree, the compiled library's too.
struct Build {
  const char* revision = "(unknown version)";
  const char* sources = "";
};
inline Build build;

#ifdef NADA_REVISION
/// Before main() each translation unit that knows says so.
[[maybe_unused]] static const bool build_is_known = (build = {NADA_REVISION, NADA_SOURCE_DIR}, true);
#endif

}  // namespace detail

inline std::string revision() { return detail::build.revision; }

/// The folder `configs`: the environment's NADA_CONFIGS, else the sources'.
inline std::filesystem::path configs() {
  if (const char* folder = std::getenv("NADA_CONFIGS")) return folder;
  return std::filesystem::path(detail::build.sources) / "configs";
}

}  // namespace nada
