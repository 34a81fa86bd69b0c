/// What this build is. Programs of the project's own build know their version and where the shipped configurations are.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

#if __has_include("nada_build.hpp")
#include "nada_build.hpp"
#endif
#ifndef NADA_REVISION
#define NADA_REVISION "(unknown version)"
#endif
#ifndef NADA_SOURCE_DIR
#define NADA_SOURCE_DIR ""
#endif

namespace nada {

inline std::string revision() { return NADA_REVISION; }

/// The folder `configs`: the environment's NADA_CONFIGS, else the sources'.
inline std::filesystem::path configs() {
  if (const char* folder = std::getenv("NADA_CONFIGS")) return folder;
  return std::filesystem::path(NADA_SOURCE_DIR) / "configs";
}

}  // namespace nada
