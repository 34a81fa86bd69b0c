/// Lists of presets that are to be made.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace nada {

/// PresetRecipe is one preset of a list such as configs/avatars/presets.json.
struct PresetRecipe {
  std::string name;                  // of its file, without the ending
  std::string target;                // text
  std::vector<std::string> options;  // further words of `adapt`
};

/// Reads a JSON list of {"name", "target", "options"}; the last may be missing.
/// Errors:  any other JSON; a name that is no plain file name (a slash, a backslash, a control character, a dot at its start), or
///          that two recipes have. The sentence names the recipe.
std::vector<PresetRecipe> read_preset_recipes(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/preset_recipes.ipp"
#endif
