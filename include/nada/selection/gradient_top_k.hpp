/// Chooses layers by how steep the global loss is in their weights.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nada/core/error.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// GradientTopK chooses the k convolutions whose leaves have the largest root mean square gradient of the
/// global loss on `batch` images:
///     score_l = sqrt(mean_i (d global / d leaf_li)^2)                     [layers]
/// AdaptiveTopK asks which styles would move; GradientTopK asks which weights would. k counts
/// layers; 0 means two thirds of them.
/// Source:  ours, beside AdaptiveTopK.
/// Facts:   scores do not depend on the layers' sizes (a mean, not a sum); of equal scores
///          the coarser layer comes first.
/// Errors:  k larger than the number of convolutions that can train.
struct GradientTopK {
  std::size_t k = 0;
  std::int64_t batch = 8;
  std::size_t of = 0;  // > 0: k of every `of` layers

  LayerSet select(const Probe& probe) const {
    LayerSet layers;
    for (const auto i : probe.candidates)
      if (probe.layers[i].kind == LayerKind::convolution) layers.push_back(i);
    const auto count = AdaptiveTopK{.k = k, .of = of}.wanted(layers.size(), "GradientTopK");
    const auto score = probe.weight_gradients(batch);
    require(score.size() == probe.layers.size(), "GradientTopK: gradients of ", score.size(), " layers, expected ",
            probe.layers.size());
    std::stable_sort(layers.begin(), layers.end(), [&](auto a, auto b) { return score[a] > score[b]; });
    layers.resize(count);
    std::sort(layers.begin(), layers.end());
    return layers;
  }
};

}  // namespace nada
