/// Lists of texts, with pictures that show them.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace nada {

/// One of a list of domains, such as those of configs/avatars/targets.json.
struct Target {
  std::string name, text;
  std::filesystem::path pictures;  // a sheet of tiles; empty: there are none
};

/// Reads a JSON list of {"name", "text", "pictures"}, of which the last may be missing and is relative to the list.
/// Errors: anything else; names the entry.
std::vector<Target> read_target_list(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/target_list.ipp"
#endif
