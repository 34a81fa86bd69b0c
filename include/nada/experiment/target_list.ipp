// Bodies of target_list.hpp.
#pragma once
#include "nada/experiment/target_list.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/json_text.hpp"

namespace nada {

NADA_INLINE std::vector<Target> read_target_list(const std::filesystem::path& path) {
  const auto json = parse_json(read_text(path), path.string(), "a list of {\"name\", \"text\"}");
  require(json.is_array() && !json.empty(), path, ": is not a JSON list of {\"name\", \"text\"}");
  std::vector<Target> out;
  for (const auto& entry : json) {
    const auto text = [&](const char* key) {
      return entry.is_object() && entry.contains(key) && entry[key].is_string() ? entry[key].get<std::string>() : "";
    };
    require(!text("name").empty() && !text("text").empty(), path, ": expected {\"name\": ..., \"text\": ...}, found ",
            in_quotes(entry.dump()));
    const auto pictures = text("pictures");
    out.push_back({text("name"), text("text"), pictures.empty() ? "" : path.parent_path() / pictures});
    if (!entry.contains("tile")) continue;
    const auto& tile = entry["tile"];
    require(tile.is_number_integer() && tile.get<std::int64_t>() >= 1 && tile.get<std::int64_t>() <= 65536, path,
            ": expected a \"tile\" of 1 to 65536 pixels, found ", in_quotes(entry.dump()));
    out.back().tile = tile.get<int>();
  }
  return out;
}

NADA_INLINE std::vector<std::string> texts_of(const std::vector<Target>& list) {
  std::vector<std::string> out;
  for (const auto& target : list) out.push_back(target.text);
  return out;
}

}  // namespace nada
