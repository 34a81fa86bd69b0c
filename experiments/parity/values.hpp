/// JSON of manifests, and the values that checks compare.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"

namespace nada::parity {

using Json = nlohmann::json;
namespace fs = std::filesystem;

/// Reads a JSON file.
/// Errors:  a file that cannot be read, or is not JSON (with the place of the first wrong byte).
inline Json read_json(const fs::path& path) {
  try {
    return Json::parse(read_text(path));
  } catch (const Json::parse_error& error) {
    fail(path, ": is not JSON from its byte ", error.byte, " on");
  }
}

/// Returns the member `key` of an object.
/// Errors:  a `json` that is no object, or has no such member.
inline const Json& member(const Json& json, const std::string& key, const std::string& where) {
  require(json.is_object() && json.contains(key), where, ": ", key, " is missing");
  return json.at(key);
}

/// Returns a value of type T; `where` begins the sentence of the error, which quotes the JSON.
template <class T>
T as(const Json& json, const std::string& where) {
  try {
    return json.get<T>();
  } catch (const Json::exception&) {
    fail(where, ": cannot make sense of ", json.dump().substr(0, 80));
  }
}
/// Returns the member `key` as a value of type T.
template <class T>
T as(const Json& json, const std::string& key, const std::string& where) {
  return as<T>(member(json, key, where), join(where, ": ", key));
}

/// Returns numbers, nested in lists of equal length, as a tensor: whole numbers in int64, others in float64.
/// Errors:  an empty list, lists of different lengths, anything but numbers.
inline Tensor numbers(const Json& json) {
  if (json.is_number_integer()) return torch::tensor(json.get<std::int64_t>(), torch::kInt64);
  if (json.is_number()) return torch::tensor(json.get<double>(), torch::kFloat64);
  require(json.is_array() && !json.empty(), "expected numbers, found ", json.dump().substr(0, 80));
  std::vector<Tensor> rows;
  for (const auto& row : json) rows.push_back(numbers(row));
  for (const auto& row : rows) require(row.sizes() == rows[0].sizes(), "expected lists of equal length");
  return torch::stack(rows);
}

/// Value is a computed or golden value: numbers of a tensor file, or JSON.
using Value = std::variant<Tensor, Json>;

/// Returns a tensor as it is, and JSON as numbers.
inline Tensor numbers(const Value& value) {
  return std::holds_alternative<Json>(value) ? numbers(std::get<Json>(value)) : std::get<Tensor>(value);
}

}  // namespace nada::parity
