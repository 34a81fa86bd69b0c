/// Lists of texts, with pictures that show them.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace nada {

/// Target is one domain of a list such as configs/avatars/targets.json.
struct Target {
  std::string name, text;
  std::filesystem::path pictures = {};  // a sheet of tiles; empty: no pictures
  int tile = 0;                         // the tiles' side in pixels; 0: the generator's
};

/// Reads a JSON list of {"name", "text", "pictures", "tile"}; the last two may be missing, and `pictures` is relative to
/// the list.
/// Errors:  any other JSON; the sentence names the entry.
std::vector<Target> read_target_list(const std::filesystem::path& path);

/// Returns the texts of a list.
std::vector<std::string> texts_of(const std::vector<Target>& list);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/target_list.ipp"
#endif
