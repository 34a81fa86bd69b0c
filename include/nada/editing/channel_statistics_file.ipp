// Bodies of channel_statistics_file.hpp.
#pragma once
#include "nada/editing/channel_statistics_file.hpp"

#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/number_text.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {
namespace detail {

/// Sets `value` to the number that the metadata have for `key`.
template <class T>
void take_number(const Safetensors& file, const std::string& key, T& value) {
  const auto text = value_or(file.metadata(), key);
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc{} && stop == text.data() + text.size() && !text.empty(), file.path(), ": ", key,
          " is no number of its kind: ", in_quotes(text));
}

/// Refuses tensors of one layer that do not fit each other.
inline void require_layer(const LayerStatistics& layer, const std::string& name, std::size_t encoders,
                          const std::filesystem::path& path) {
  require(layer.mean.defined() && layer.deviation.defined() && layer.steps.size() == encoders, path, ": the layer ",
          name, " lacks tensors, expected its mean, its deviation and ", encoders, " steps");
  const auto c = layer.mean.numel();
  require(layer.mean.dim() == 1 && layer.deviation.sizes() == layer.mean.sizes(), path, ": mean and deviation of ",
          name, " have shapes ", shape_text(layer.mean.sizes()), " and ", shape_text(layer.deviation.sizes()));
  for (const auto& step : layer.steps)
    require(step.defined() && step.dim() == 2 && step.size(0) == c, path, ": steps of ", name, " have shape ",
            step.defined() ? shape_text(step.sizes()) : "none", ", expected [", c, ", E]");
}

/// Puts a tensor into its place among the statistics.
inline void put_tensor(ChannelStatistics& out, const std::string& name, Tensor tensor,
                       const std::filesystem::path& path) {
  const auto ends = [&](const std::string& end) { return name.size() > end.size() && name.ends_with(end); };
  const auto layer = [&](const std::string& end) -> LayerStatistics& {
    return out.layers[name.substr(0, name.size() - end.size())];
  };
  if (ends(".mean")) return void(layer(".mean").mean = std::move(tensor));
  if (ends(".deviation")) return void(layer(".deviation").deviation = std::move(tensor));
  for (std::size_t e = 0; e < out.encoders.size(); ++e)
    if (const auto end = join(".step.", e); ends(end)) {
      auto& steps = layer(end).steps;
      steps.resize(out.encoders.size());
      steps[e] = std::move(tensor);
      return;
    }
  fail(path, ": the tensor ", in_quotes(name), " has no place in channel statistics");
}

}  // namespace detail

NADA_INLINE void save_channel_statistics(const std::filesystem::path& path, const ChannelStatistics& statistics) {
  TensorMap tensors;
  for (const auto& [name, layer] : statistics.layers) {
    tensors[name + ".mean"] = layer.mean;
    tensors[name + ".deviation"] = layer.deviation;
    for (std::size_t e = 0; e < layer.steps.size(); ++e) tensors[join(name, ".step.", e)] = layer.steps[e];
  }
  std::string encoders;
  for (const auto& one : statistics.encoders) encoders += (encoders.empty() ? "" : " ") + one;
  const auto& s = statistics.settings;
  save_tensors(path, tensors,
               {{"nada.kind", "channel_statistics"},
                {"nada.format", std::string(format_version)},
                {"nada.base_sha256", statistics.base_hash},
                {"nada.encoders", encoders},
                {"nada.samples", join(s.samples)},
                {"nada.style_samples", join(s.style_samples)},
                {"nada.reach", number_text(s.reach)},
                {"nada.exit", join(s.resolution)},
                {"nada.class", join(s.label)},
                {"nada.seed", join(s.seed)}});
}

NADA_INLINE ChannelStatistics load_channel_statistics(const std::filesystem::path& path) {
  const auto file = Safetensors::open(path);
  const auto kind = recognise(file);
  require(kind == FileKind::channel_statistics, path, " is ", name_of(kind), ", expected channel statistics");
  ChannelStatistics out;
  out.base_hash = value_or(file.metadata(), "nada.base_sha256");
  const auto encoders = value_or(file.metadata(), "nada.encoders");
  for (std::size_t at = 0; at < encoders.size();) {
    const auto end = std::min(encoders.find(' ', at), encoders.size());
    out.encoders.push_back(encoders.substr(at, end - at));
    at = end + 1;
  }
  require(!out.encoders.empty() && out.encoders.size() <= 100, path, ": names ", out.encoders.size(),
          " encoders, expected 1 to 100");
  detail::take_number(file, "nada.samples", out.settings.samples);
  detail::take_number(file, "nada.style_samples", out.settings.style_samples);
  detail::take_number(file, "nada.reach", out.settings.reach);
  detail::take_number(file, "nada.exit", out.settings.resolution);
  detail::take_number(file, "nada.class", out.settings.label);
  detail::take_number(file, "nada.seed", out.settings.seed);
  try {
    out.settings.check();
  } catch (const Error& error) {
    fail(path, ": ", error.what());
  }
  auto tensors = to_tensors(file);
  require_finite(tensors, path.string());
  for (auto& [name, tensor] : tensors) detail::put_tensor(out, name, tensor.to(torch::kFloat32), path);
  for (const auto& [name, layer] : out.layers) detail::require_layer(layer, name, out.encoders.size(), path);
  return out;
}

}  // namespace nada
