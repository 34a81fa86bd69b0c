/// Reads JSON from a client field by field: a field that is missing, of another type, out of range or
/// unknown is refused.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/file.hpp"

namespace nada::serve {

inline constexpr std::int64_t largest_seed = (std::int64_t{1} << 53) - 1;  // JavaScript has no larger whole numbers

/// Input is one JSON object. Each field is read once, with its limits; finish() refuses fields that no call has read.
/// Errors:  Refusal 400 with the field's name, the expected and the found value.
class Input {
 public:
  /// Parses a body.
  /// Errors:  also a text that is no JSON, is nested deeper than 8 levels, or is no object.
  static Input parse(std::string_view text) {
    if (text.empty()) return Input(nlohmann::json::object());
    bool deep = false;
    const auto watch = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
      deep = deep || depth > 8;
      return !deep;
    };
    auto json = nlohmann::json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
    if (deep) refuse(400, "the body is nested deeper than 8 levels");
    if (json.is_discarded()) refuse(400, "the body is not JSON");
    if (!json.is_object()) refuse(400, "the body is ", article(json), ", expected a JSON object");
    return Input(std::move(json));
  }
  explicit Input(nlohmann::json object, std::string where = {}) : json_(std::move(object)), where_(std::move(where)) {}

  bool has(const std::string& name) const { return json_.contains(name); }

  /// Reads a text of 1 to `longest` bytes without control characters.
  std::string text(const std::string& name, std::size_t longest, std::optional<std::string> otherwise = {}) {
    const auto* const value = find(name, otherwise.has_value(), "a text");
    if (value == nullptr) return *otherwise;
    if (!value->is_string()) wrong(name, "a text", *value);
    const auto out = value->get<std::string>();
    if (out.empty() || out.find_first_not_of(' ') == out.npos) refuse(400, where(name), "expected a text, found none");
    if (out.size() > longest) refuse(400, where(name), "expected at most ", longest, " bytes, found ", out.size());
    for (const unsigned char c : out)
      if (c < 0x20 || c == 0x7F) refuse(400, where(name), "a text here has no control characters");
    if (!is_utf8(out)) refuse(400, where(name), "the text is not UTF-8");
    return out;
  }
  std::int64_t whole(const std::string& name, std::int64_t least, std::int64_t most,
                     std::optional<std::int64_t> otherwise = {}) {
    const auto what = join("a whole number from ", least, " to ", most);
    const auto* const value = find(name, otherwise.has_value(), what);
    if (value == nullptr) return *otherwise;
    if (!value->is_number_integer()) wrong(name, what, *value);
    const bool huge =
        value->is_number_unsigned() &&
        value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (huge || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) wrong(name, what, *value);
    return value->get<std::int64_t>();
  }
  double number(const std::string& name, double least, double most, std::optional<double> otherwise = {}) {
    const auto what = join("a number from ", least, " to ", most);
    const auto* const value = find(name, otherwise.has_value(), what);
    if (value == nullptr) return *otherwise;
    if (!value->is_number()) wrong(name, what, *value);
    const auto out = value->get<double>();
    if (!(out >= least && out <= most)) wrong(name, what, *value);  // refuses NaN too
    return out;
  }
  /// Reads a list of 1 to `most` texts of a name's characters (is_name), each once.
  std::vector<std::string> names(const std::string& name, std::size_t most, std::vector<std::string> otherwise) {
    const auto what = join("a list of 1 to ", most, " names");
    const auto* const value = find(name, true, what);
    if (value == nullptr) return otherwise;
    if (!value->is_array() || value->empty() || value->size() > most) wrong(name, what, *value);
    std::vector<std::string> out;
    std::set<std::string> seen;
    for (const auto& item : *value) {
      if (!item.is_string() || !is_name(item.get_ref<const std::string&>())) wrong(name, what, item);
      if (!seen.insert(item.get<std::string>()).second) refuse(400, where(name), shown(item), " is there twice");
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  /// Reads a list of 1 to `most` objects.
  std::vector<Input> objects(const std::string& name, std::size_t most) {
    const auto what = join("a list of 1 to ", most, " objects");
    const auto* const value = find(name, false, what);
    if (!value->is_array() || value->empty() || value->size() > most) wrong(name, what, *value);
    std::vector<Input> out;
    for (std::size_t i = 0; i < value->size(); ++i) {
      if (!(*value)[i].is_object()) wrong(name, what, (*value)[i]);
      out.emplace_back((*value)[i], join(where_, name, "[", i, "]."));
    }
    return out;
  }
  /// Refuses fields that no call has read.
  void finish() const {
    for (const auto& [name, value] : json_.items())
      if (!asked_.contains(name)) {
        std::string known;
        for (const auto& field : asked_) known += (known.empty() ? "" : ", ") + field;
        refuse(400, "the field ", where_, in_quotes(name), " is unknown",
               known.empty() ? "; none is expected" : "; known ones are " + known);
      }
  }

 private:
  static std::string shown(const nlohmann::json& value) {  // texts on one line, shortened
    return value.is_string() ? in_quotes(value.get<std::string>()) : value.dump();
  }
  static std::string article(const nlohmann::json& value) {
    const std::string type = value.type_name();
    return (type == "array" || type == "object" ? "an " : "a ") + type;
  }
  std::string where(const std::string& name) const { return where_ + name + ": "; }
  [[noreturn]] void wrong(const std::string& name, const std::string& expected, const nlohmann::json& found) const {
    if (found.is_structured())
      refuse(400, where(name), "expected ", expected, ", found ", article(found), " of ", found.size());
    refuse(400, where(name), "expected ", expected, ", found ", shown(found));
  }
  const nlohmann::json* find(const std::string& name, bool optional, const std::string& expected) {
    asked_.insert(name);
    const auto at = json_.find(name);
    if (at != json_.end() && !at->is_null()) return &*at;
    if (!optional) refuse(400, where(name), "expected ", expected, ", found nothing");
    return nullptr;
  }

  nlohmann::json json_;
  std::string where_;
  std::set<std::string> asked_;
};

}  // namespace nada::serve
