// Bodies of hub_answer.hpp.
#pragma once
#include "nada/formats/hub_answer.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/hub_address.hpp"

namespace nada {

namespace detail {

/// Returns a JSON value of a server's text, discarded where it is none or nests values deeper than an answer does.
NADA_INLINE nlohmann::json shallow_json(std::string_view text) {
  constexpr int most_depth = 100;
  bool deep = false;
  const auto look = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    deep = deep || depth > most_depth;
    return !deep;
  };
  auto json = nlohmann::json::parse(text, look, /*allow_exceptions=*/false);
  return deep ? nlohmann::json(nlohmann::json::value_t::discarded) : json;
}

NADA_INLINE std::optional<std::int64_t> number_if_any(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() && value >= 0 ? std::optional(value)
                                                                                                 : std::nullopt;
}

}  // namespace detail

NADA_INLINE HubListing parse_hub_listing(std::string_view body, const std::string& what) {
  const auto json = detail::shallow_json(body);
  const bool good = json.is_object() && json.contains("sha") && json["sha"].is_string() &&
                    is_commit(json["sha"].get<std::string>()) && json.contains("siblings") &&
                    json["siblings"].is_array();
  if (!good) throw HubUnanswered(what + " does not answer as the Hugging Face Hub does (no list of files)");
  HubListing out{json["sha"].get<std::string>(), {}};
  for (const auto& file : json["siblings"]) {
    if (!file.is_object() || !file.contains("rfilename") || !file["rfilename"].is_string()) continue;
    auto name = file["rfilename"].get<std::string>();
    const auto fault = detail::fault_of_parts(name);
    if (fault.find("part") != std::string::npos)
      throw HubUnanswered(what + " does not answer as the Hugging Face Hub does (it lists a file " + in_quotes(name) +
                          " with " + fault + ")");
    if (fault.empty()) out.files.insert(std::move(name));
  }
  return out;
}

NADA_INLINE HubFile parse_hub_file(const std::function<std::string(const std::string& name)>& header, bool elsewhere,
                                   const std::string& commit, const std::string& what) {
  auto etag = header("x-linked-etag");
  if (etag.empty()) etag = header("etag");
  if (etag.starts_with("W/")) etag.erase(0, 2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  auto size = header("x-linked-size");
  if (size.empty() && !elsewhere) size = header("content-length");
  const auto bytes = detail::number_if_any(size);
  const bool a_name =
      !etag.empty() && etag.size() <= 200 && !etag.starts_with('.') &&
      std::ranges::all_of(etag, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.'; });
  if (header("x-repo-commit") != commit || !a_name || !bytes)
    throw HubUnanswered(what +
                        " does not answer as the Hugging Face Hub does: expected X-Repo-Commit, an ETag and a size");
  return {etag, *bytes};
}

NADA_INLINE std::set<std::string> parse_hub_shards(std::string_view index, const std::string& folder) {
  std::set<std::string> out;
  const auto json = detail::shallow_json(index);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) return out;
  for (const auto& [tensor, file] : json["weight_map"].items())
    if (file.is_string())
      if (const auto name = file.get<std::string>();
          name.find('/') == name.npos && detail::fault_of_parts(name).empty())
        out.insert(folder + name);
  return out;
}

}  // namespace nada
