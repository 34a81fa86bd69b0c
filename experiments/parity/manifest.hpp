/// The reader of manifests.
#pragma once
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "operations.hpp"
#include "tolerance.hpp"
#include "values.hpp"

namespace nada::parity {

/// Returns the checks of FOLDER/manifest.json, after making sure that each is well formed.
/// Errors:  a missing folder or file; another format; two checks of one name; an operation, tolerance or precision that
///          is not in the manifest format; a golden value without a tolerance.
inline std::vector<Json> read_manifest(const fs::path& folder) {
  require(fs::is_directory(folder), folder, fs::exists(folder) ? ": is not a folder" : ": no such folder");
  const auto path = folder / "manifest.json";
  const auto manifest = read_json(path);
  const Json format = member(manifest, "format", path);
  require(format == 1, path, ": the format must be 1, found ", format.dump());
  const auto checks = as<std::vector<Json>>(manifest, "checks", path);
  std::set<std::string> names;
  for (const auto& check : checks) {
    const auto name = as<std::string>(check, "name", join(path, ": check ", names.size() + 1));
    const auto where = join(path, ": check ", name);
    require(names.insert(name).second, where, ": there are two of that name");
    const auto operation = as<std::string>(check, "operation", where);
    require(find_operation(operation), where, ": the operation ", operation, " is not in the manifest format");
    const auto tolerances = [&](const Json& json) {
      for (const auto* key : {"tolerance", "tolerance_float64"})
        if (json.contains(key) && !json[key].is_null()) require_tolerance(json[key], where);
    };
    const auto precision = check.contains("precision") ? as<std::string>(check, "precision", where) : "float32";
    require(precision == "float32" || precision == "float64", where, ": the precision is ", precision);
    require(!check.contains("optional") || check["optional"].is_boolean(), where, ": optional must be true or false");
    tolerances(check);
    for (const auto& [role, golden] : as<std::map<std::string, Json>>(check, "expected", where)) {
      require(golden.is_object(), where, ": ", role, " must be an object");
      require(golden.contains("tolerance") || check.contains("tolerance"), where, ": ", role, " has no tolerance");
      tolerances(golden);
    }
  }
  return checks;
}

}  // namespace nada::parity
