/// JSON of others, parsed within bounds.
#pragma once
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "nada/core/error.hpp"

namespace nada {

/// Returns the value that `text` holds; `what` names it in errors, and `expected` says what it should be.
/// Errors:  text that is no JSON; values within values deeper than 100, which the functions that walk over a value would
///          not come back from.
inline nlohmann::json parse_json(std::string_view text, const std::string& what, std::string_view expected) {
  using Json = nlohmann::json;
  constexpr int most_depth = 100;
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    require(depth <= most_depth, what, ": nests values deeper than ", most_depth, ", expected ", expected);
    return true;
  };
  auto json = Json::parse(text, shallow, /*allow_exceptions=*/false);
  require(!json.is_discarded(), what, ": is not JSON, expected ", expected);
  return json;
}

}  // namespace nada
