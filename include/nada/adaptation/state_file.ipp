// Bodies of state_file.hpp.
#pragma once
#include "nada/adaptation/state_file.hpp"

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

namespace detail {
/// Whether a tensor of a selector is a list of layers or counts, which the metadata tells in words.
NADA_INLINE bool is_index_list(const Tensor& value) { return value.scalar_type() == torch::kInt64 && value.dim() == 1; }

/// Writes the lists of a selector's state as JSON: {"chosen": [2, 5]}.
NADA_INLINE nlohmann::json selector_json(const TensorMap& selector) {
  auto out = nlohmann::json::object();
  for (const auto& [name, value] : selector) {
    if (!is_index_list(value)) continue;
    const auto numbers = value.to(torch::kCPU).contiguous();
    const auto* const first = numbers.data_ptr<std::int64_t>();
    out[name] = std::vector<std::int64_t>(first, first + numbers.numel());
  }
  return out;
}

/// Reads the lists of a selector's state from JSON. Older files hold a list alone, which is the state named "chosen".
NADA_INLINE TensorMap selector_of(const std::string& text, const std::string& what) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_array()) json = nlohmann::json{{"chosen", json}};
  require(json.is_object(), what, ": nada.selector is damaged");
  TensorMap out;
  for (const auto& [name, list] : json.items()) {
    require(list.is_array(), what, ": nada.selector is damaged");
    std::vector<std::int64_t> numbers;
    for (const auto& number : list) {
      require(number.is_number_integer(), what, ": nada.selector is damaged");
      numbers.push_back(number.get<std::int64_t>());
    }
    out[name] = torch::tensor(numbers, torch::kInt64);
  }
  return out;
}

/// Returns a whole number of the metadata, or -1 where the text is none.
NADA_INLINE std::int64_t whole_number(std::string_view text) {
  std::int64_t value = -1;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end ? value : -1;
}
}  // namespace detail

NADA_INLINE void save_state(const std::filesystem::path& path, const AdaptationState& state) {
  TensorMap tensors;
  auto counts = nlohmann::json::object();
  for (const auto& [name, leaf] : state.leaves) {
    const auto& moments = state.moments.at(name);
    tensors["leaf." + name] = leaf;
    counts[name] = moments.steps;
    if (moments.first.defined()) tensors["first." + name] = moments.first;
    if (moments.second.defined()) tensors["second." + name] = moments.second;
    for (const auto& [key, value] : moments.others) tensors["moment." + key + "." + name] = value;
  }
  for (const auto& [name, mean] : state.means) tensors["mean." + name] = mean;
  for (const auto& [name, leaf] : state.anchor_leaves) tensors["anchor." + name] = leaf;
  for (const auto& [name, value] : state.selector)
    if (!detail::is_index_list(value)) tensors["selector." + name] = value;
  Metadata metadata{{"nada.kind", "state"},
                    {"nada.format", std::string(format_version)},
                    {"nada.step", std::to_string(state.step)},
                    {"nada.seed", state.seed},
                    {"nada.parameterization", state.parameterization},
                    {"nada.base_sha256", state.base_hash},
                    {"nada.counts", counts.dump()}};
  if (state.anchor_step >= 0) metadata["nada.anchor_step"] = std::to_string(state.anchor_step);
  if (!state.selector.empty()) metadata["nada.selector"] = detail::selector_json(state.selector).dump();
  save_tensors(path, tensors, metadata);
}

NADA_INLINE AdaptationState load_state(const std::filesystem::path& path) {
  const auto file = Safetensors::open(path);
  require(recognise(file) == FileKind::state, path, " is ", name_of(recognise(file)), ", expected the state of a run");
  const auto& metadata = file.metadata();
  AdaptationState out;
  out.origin = path.string();
  const auto step = value_or(metadata, "nada.step");
  out.step = detail::whole_number(step);
  require(out.step >= 0, path, ": nada.step is '", step, "', expected a number >= 0");
  out.seed = value_or(metadata, "nada.seed");
  out.parameterization = value_or(metadata, "nada.parameterization");
  out.base_hash = value_or(metadata, "nada.base_sha256");
  out.anchor_step = detail::whole_number(value_or(metadata, "nada.anchor_step", "-1"));
  if (const auto selector = metadata.find("nada.selector"); selector != metadata.end())
    out.selector = detail::selector_of(selector->second, path.string());
  const auto counts = nlohmann::json::parse(value_or(metadata, "nada.counts"), nullptr, false);
  require(counts.is_object(), path, ": nada.counts is damaged");
  const auto tensors = to_tensors(file);
  const auto found = [&](const std::string& name) {
    const auto tensor = tensors.find(name);
    return tensor == tensors.end() ? Tensor{} : tensor->second;
  };
  for (const auto& [name, value] : tensors) {
    if (name.starts_with("mean.")) out.means[name.substr(5)] = value;
    if (name.starts_with("anchor.")) out.anchor_leaves[name.substr(7)] = value;
    if (name.starts_with("selector.")) out.selector[name.substr(9)] = value;
    if (!name.starts_with("leaf.")) continue;
    const auto leaf = name.substr(5);
    out.leaves[leaf] = value;
    require(counts.contains(leaf) && counts[leaf].is_number_integer(), path, ": nada.counts lacks ", leaf);
    auto& moments = out.moments[leaf];
    moments.steps = counts[leaf].get<std::int64_t>();
    if (moments.steps == 0) continue;
    moments.first = found("first." + leaf);
    moments.second = found("second." + leaf);
  }
  for (const auto& [name, value] : tensors) {
    if (!name.starts_with("moment.")) continue;
    const auto dot = name.find('.', 7);
    require(dot != std::string::npos && out.moments.count(name.substr(dot + 1)) > 0, path, ": there is no leaf of ",
            name);
    out.moments[name.substr(dot + 1)].others[name.substr(7, dot - 7)] = value;
  }
  return out;
}

}  // namespace nada
