// Bodies of preset_recipes.hpp.
#pragma once
#include "nada/experiment/preset_recipes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/json_text.hpp"

namespace nada {

namespace detail {
/// Whether a preset may have this name: it becomes the name of a file in the folder of presets.
NADA_INLINE bool is_preset_name(const std::string& name) {
  return !name.empty() && name.size() <= 200 && !name.starts_with('.') &&
         std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '/' || c == '\\'; });
}
}  // namespace detail

NADA_INLINE std::vector<PresetRecipe> read_preset_recipes(const std::filesystem::path& path) {
  constexpr const char* expected = R"(a list of {"name": TEXT, "target": TEXT, "options": [TEXT...]})";
  const auto json = parse_json(read_text(path), path.string(), expected);
  require(json.is_array(), path, ": expected ", expected);
  std::vector<PresetRecipe> out;
  for (const auto& entry : json) {
    const auto text = [&](const char* key) {
      return entry.is_object() && entry.contains(key) && entry[key].is_string() ? entry[key].get<std::string>() : "";
    };
    PresetRecipe recipe{text("name"), text("target"), {}};
    bool good = !recipe.name.empty() && !recipe.target.empty();
    if (good && entry.contains("options")) {
      good = entry["options"].is_array() &&
             std::ranges::all_of(entry["options"], [](const auto& word) { return word.is_string(); });
      if (good) recipe.options = entry["options"].get<std::vector<std::string>>();
    }
    require(good, path, ": expected ", expected, ", found ", in_quotes(entry.dump()));
    require(detail::is_preset_name(recipe.name), path, ": expected the name of a file in the folder of presets, found ",
            in_quotes(recipe.name));
    require(std::ranges::none_of(out, [&](const auto& one) { return one.name == recipe.name; }), path,
            ": two recipes are called ", in_quotes(recipe.name));
    out.push_back(std::move(recipe));
  }
  return out;
}

}  // namespace nada
