/// Chooses layers by how far their weights have moved since the start.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nada/generators/generator.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

namespace detail {
/// Returns `k` convolutions (0: two thirds; of > 0: k of every `of`) in the order of sign * change, the smallest first.
inline LayerSet convolutions_by_change(const Probe& probe, double sign, std::size_t k, std::size_t of,
                                       std::string_view who) {
  LayerSet layers;
  std::vector<double> key(probe.layers.size(), 0.0);
  for (const auto i : probe.candidates) {
    if (probe.layers[i].kind != LayerKind::convolution) continue;
    layers.push_back(i);
    key[i] = sign * probe.change(i);
  }
  const auto count = AdaptiveTopK{.k = k, .of = of}.wanted(layers.size(), who);
  std::stable_sort(layers.begin(), layers.end(), [&](auto a, auto b) { return key[a] < key[b]; });
  layers.resize(count);
  std::sort(layers.begin(), layers.end());
  return layers;
}
}  // namespace detail

/// MostChanged chooses the k convolutions that have moved furthest, relative to their size:
///     score_l = |effective_l - base_l| / |base_l|, all slots of layer l as one vector         [layers]
/// k counts layers; 0 means two thirds of them. What is chosen moves on, so that a choice tends to last. At the start all
/// scores are 0 and the k coarsest layers are chosen, which then stay ahead of the layers that never trained: with
/// `all_until` every convolution trains in the steps before, so that there is something to compare.
/// Source:  ours, beside AdaptiveTopK, which asks where styles would move.
/// Facts:   scores do not depend on the layers' sizes; of equal scores the coarser layer comes first; a choice costs no
///          image.
/// Errors:  k larger than the number of convolutions that can train.
struct MostChanged {
  std::size_t k = 0, of = 0;   // of > 0: k of every `of` layers
  std::int64_t all_until = 0;  // steps 0 to all_until - 1 train every convolution

  LayerSet select(const Probe& probe) const {
    if (probe.stream.step < all_until) return AllLayers{}.select(probe);
    return detail::convolutions_by_change(probe, -1, k, of, "MostChanged");
  }
};

/// LeastChanged chooses the k convolutions that have moved least, with the scores of MostChanged: layers take turns, those
/// that never trained first.
/// Facts:   at the start the k coarsest layers are chosen, then the k next.
/// Errors:  k larger than the number of convolutions that can train.
struct LeastChanged {
  std::size_t k = 0, of = 0;  // of > 0: k of every `of` layers

  LayerSet select(const Probe& probe) const { return detail::convolutions_by_change(probe, 1, k, of, "LeastChanged"); }
};

}  // namespace nada
