/// Lists of texts, with pictures that show them.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

/// One of a list of domains, such as those of configs/avatars/targets.json.
struct Target {
  std::string name, text;
  std::filesystem::path pictures;  // a sheet of tiles; empty: there are none
};

/// Reads a JSON list of {"name", "text", "pictures"}, of which the last may be missing and is relative to the list.
/// Errors: anything else; names the entry.
inline std::vector<Target> read_target_list(const std::filesystem::path& path) {
  const auto json = nlohmann::json::parse(read_text(path), nullptr, /*allow_exceptions=*/false);
  require(json.is_array() && !json.empty(), path, " is not a JSON list of {\"name\", \"text\"}");
  std::vector<Target> out;
  for (const auto& entry : json) {
    const auto text = [&](const char* key) {
      return entry.is_object() && entry.contains(key) && entry[key].is_string() ? entry[key].get<std::string>() : "";
    };
    require(!text("name").empty() && !text("text").empty(), path, ": expected {\"name\": ..., \"text\": ...}, found ",
            entry.dump());
    const auto pictures = text("pictures");
    out.push_back({text("name"), text("text"), pictures.empty() ? "" : path.parent_path() / pictures});
  }
  return out;
}

}  // namespace nada
