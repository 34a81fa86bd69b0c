// Bodies of global_direction.hpp.
#pragma once
#include "nada/editing/global_direction.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <vector>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE TensorMap channel_relevance(const ChannelStatistics& statistics, std::span<const TextStep> texts) {
  require(!texts.empty() && texts.size() == statistics.encoders.size(), "the channel statistics know ",
          statistics.encoders.size(), " encoders, ", texts.size(), " are given");
  double weights = 0;
  for (const auto& text : texts) weights += text.weight;
  TensorMap out;
  for (const auto& [name, layer] : statistics.layers) {
    auto sum = torch::zeros(layer.mean.sizes(), torch::kFloat64);
    for (std::size_t e = 0; e < texts.size(); ++e) {
      const auto direction = texts[e].direction.to(torch::kCPU, torch::kFloat64);
      const auto steps = layer.steps[e].to(torch::kFloat64);
      require(direction.dim() == 1 && direction.size(0) == steps.size(1), "the channel statistics have features of ",
              steps.size(1), " numbers, the encoder gives ", shape_text(direction.sizes()));
      sum += texts[e].weight / weights * steps.mv(direction);
    }
    out[name] = sum;
  }
  return out;
}

NADA_INLINE double relevance_of_rank(const TensorMap& relevance, std::int64_t rank) {
  std::vector<Tensor> all;
  for (const auto& [name, values] : relevance) all.push_back(values.abs().flatten());
  require(!all.empty() && rank >= 1, "the relevance of channel ", rank, " of ", all.size(), " layers");
  const auto sizes = at::cat(all).to(torch::kFloat64);
  return std::get<0>(sizes.topk(std::min(rank, sizes.numel()))).min().item<double>();
}

NADA_INLINE KeptChannels kept_channels(const TensorMap& relevance, double threshold) {
  KeptChannels out;
  for (const auto& [name, values] : relevance) {
    out.of += values.numel();
    out.kept += (values.abs() >= threshold).sum().item<std::int64_t>();
    if (values.numel() > 0) out.largest = std::max(out.largest, values.abs().max().item<double>());
  }
  return out;
}

NADA_INLINE Direction global_direction(const ChannelStatistics& statistics, const TensorMap& relevance,
                                       double threshold, const std::string& source, const std::string& target) {
  const auto [kept, of, largest] = kept_channels(relevance, threshold);
  require(kept > 0 && largest > 0, "no style channel of ", of, " has a relevance of ", threshold, " for the text '",
          target, "': the largest is ", largest, "; take a lower threshold");
  Direction out{.name = target,
                .space = EditSpace::style,
                .method = "global direction",
                .found_in = source + " -> " + target,
                .base_hash = statistics.base_hash};
  for (const auto& [name, values] : relevance) {
    const auto counts = at::where(values.abs() >= threshold, values / largest, at::zeros_like(values));
    out.offsets[name] = (statistics.layers.at(name).deviation.to(torch::kFloat64) * counts).to(torch::kFloat32);
  }
  return out;
}

}  // namespace nada
