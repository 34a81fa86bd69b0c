/// The version of this build. Programs of the project's own build know their version and where the
/// shipped configurations are.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

#if __has_include("nada_build.hpp")
#include "nada_build.hpp"  // NADA_REVISION, NADA_SOURCE_DIR
#endif

namespace nada {

namespace detail {

/// Build is known at run time, so that all translation units of a program agree, those of the compiled library too.
struct Build {
  const char* revision = "(unknown version)";
  const char* sources = "";
};
inline Build build;

#ifdef NADA_REVISION
/// Each translation unit that knows the version sets `build` before main().
[[maybe_unused]] static const bool build_is_known = (build = {NADA_REVISION, NADA_SOURCE_DIR}, true);
#endif

}  // namespace detail

inline std::string revision() { return detail::build.revision; }

/// Returns the folder `configs` that the environment's NADA_CONFIGS names, else the folder of that name in the sources.
inline std::filesystem::path configs() {
  if (const char* folder = std::getenv("NADA_CONFIGS")) return folder;
  return std::filesystem::path(detail::build.sources) / "configs";
}

}  // namespace nada
