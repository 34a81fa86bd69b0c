/// Which build a program is, and where the shipped configurations are.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "nada/core/error.hpp"

namespace nada {

/// The version of these headers; the build reads it from this line.
inline constexpr const char* version = "0.1.0";

namespace detail {

/// Build is known at run time, so that all translation units of a program agree, those of the compiled library too.
/// nada_program() of the CMake package adds a source that sets it before main().
struct Build {
  const char* nada = version;  // version and revision of these headers
  const char* program = "";    // revision of the project that the program belongs to; empty: nada itself
  const char* configs = "";    // folder of the shipped configurations; empty: unknown
};
inline Build build;

#ifdef NADA_REVISION  // as targets of the installed package that link nada::nada know it
[[maybe_unused]] static const bool build_is_known =
    (build.nada = NADA_REVISION, build.configs = NADA_CONFIGS_DIR, true);
#endif

}  // namespace detail

/// Returns the version of nada with its revision: "0.1.0 (1a2b3c4)".
inline std::string revision() { return detail::build.nada; }

/// Returns what made a file: "adapt of nada 0.1.0 (1a2b3c4)", or with the revision of the program's own project
/// "mine (5d6e7f8) of nada 0.1.0 (1a2b3c4)".
inline std::string made_by(const std::string& program) {
  const std::string own = detail::build.program;
  return program + (own.empty() ? "" : " (" + own + ")") + " of nada " + revision();
}

/// Returns the folder of the shipped configurations: the one that the environment's NADA_CONFIGS names, else the one
/// that the program was built with, else share/nada/configs beside the program's folder; nothing where none is there.
inline std::optional<std::filesystem::path> find_configs() {
  if (const char* folder = std::getenv("NADA_CONFIGS")) return folder;
  std::error_code ignored;
  const std::filesystem::path built(detail::build.configs);
  if (!built.empty() && std::filesystem::is_directory(built, ignored)) return built;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto beside = program.parent_path().parent_path() / "share/nada/configs";
  if (!program.empty() && std::filesystem::is_directory(beside, ignored)) return beside;
  return {};
}

/// Returns find_configs().
/// Errors:  no such folder.
inline std::filesystem::path configs() {
  if (const auto folder = find_configs()) return *folder;
  fail("the shipped configurations are not at '", detail::build.configs,
       "'; set NADA_CONFIGS to the folder configs of a clone, or to share/nada/configs of an installation");
}

}  // namespace nada
