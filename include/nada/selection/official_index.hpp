/// Counts layers as the official code counts them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stateful.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// OfficialIndex shows `inner` the layers under the style indices that the official code gives them, so that a choice
/// of styles trains the layers that the official code would train:
///     index   0           1          2           3           4            ...  L - 1
///     layer   conv.4.0    rgb.4      conv.8.0    conv.8.1    conv.16.0    ...  the last convolution
///     reads   0           1          1           2           3            ...  L - 2
/// From index 2 on, the style of an index steers one convolution, but the convolution before that one trains.
/// Index L - 1 steers rgb alone and can be chosen. rgb.4 passes for a convolution; no other rgb, no mapping layer
/// and not the constant can train.
/// Source:  rinongal/StyleGAN-nada, ZSSGAN/model/ZSSGAN.py, determine_opt_layers.
/// Facts:   OfficialIndex<AdaptiveTopK> ranks all L styles (k = 0: two thirds of L); OfficialIndex<AllLayers>
///          chooses every convolution and rgb.4.
/// Errors:  a generator that has not exactly one style more than convolutions; the errors of `inner`.
template <LayerSelector S>
class OfficialIndex {
  static_assert(explain_selector<S>());
  static_assert(!Stateful<S>, "OfficialIndex: a selector that remembers goes around it, Every{n, OfficialIndex{S}}");

 public:
  explicit OfficialIndex(S inner = {}) : inner_(std::move(inner)) {}

  /// Returns the place in layers() of each style index, [L].
  static std::vector<std::size_t> layer_of_index(std::span<const Layer> layers) {
    std::vector<std::size_t> convolutions, rgbs;
    std::set<int> styles;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (layers[i].kind == LayerKind::convolution) convolutions.push_back(i);
      if (layers[i].kind == LayerKind::rgb) rgbs.push_back(i);
      if (layers[i].style >= 0) styles.insert(layers[i].style);
    }
    require(!convolutions.empty() && !rgbs.empty() && styles.size() == convolutions.size() + 1,
            "OfficialIndex: the generator has ", styles.size(), " styles and ", convolutions.size(),
            " convolutions, expected one style more than convolutions");
    auto out = std::move(convolutions);
    out.insert(out.begin() + 1, rgbs.front());
    return out;
  }

  LayerSet select(const Probe& probe) {
    const auto order = layer_of_index(probe.layers);
    std::vector<Layer> layers(probe.layers.begin(), probe.layers.end());
    auto shown = probe;
    shown.layers = layers;
    shown.candidates.clear();
    for (std::size_t index = 0; index < order.size(); ++index) {
      const auto i = order[index];
      layers[i].kind = LayerKind::convolution;
      layers[i].style = static_cast<int>(index);
      if (std::find(probe.candidates.begin(), probe.candidates.end(), i) != probe.candidates.end())
        shown.candidates.push_back(i);
    }
    std::sort(shown.candidates.begin(), shown.candidates.end());
    return inner_.select(shown);
  }

 private:
  S inner_;
};

}  // namespace nada
