/// Selectors: which layers train in a step.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nada/core/stateful.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

using LayerSet = std::vector<std::size_t>;  // sorted indices into layers()

/// Probe holds all that a selector may look at. Its functions compute when they are called, on detached weights.
struct Probe {
  std::span<const Layer> layers;                     // all layers of the generator
  LayerSet candidates;                               // visible through the exit, covered by the parameterization
  std::function<Tensor(std::int64_t count)> styles;  // w+ [count, L, D] of fresh latents
  /// Renders styles w+ [n, L, D] to adapted images, differentiable. Where a batch is rendered in pieces, `first` counts
  /// the samples before this piece.
  std::function<Tensor(const Tensor& w, std::int64_t first)> images;
  int resolution = 0;                                // of these images
  std::function<Tensor(const Tensor&)> global_loss;  // images -> scalar, all encoders and weights
  /// Root mean square gradient of the global loss on `count` images, of each layer's leaves, [layers]; 0
  /// for a layer that cannot train.
  std::function<std::vector<double>(std::int64_t count)> weight_gradients;
  /// |effective - base| / |base|, all slots of a layer as one vector: how far the layer has moved since the start. 0 for a
  /// layer that never trained; infinity where only zeros have moved.
  std::function<double(std::size_t layer)> change;
  /// A copy of the effective tensor of a slot, as the last step left it, without graph.
  std::function<Tensor(std::size_t layer, std::size_t slot)> weight;
  Stream stream;
  /// Parts of some samples that a selector may compute at the same time, a thread each (core/parallel.hpp): the functions
  /// above may be called by several threads.
  std::int64_t split = 1;
};

/// LayerSelector: chooses a subset of the candidates, at least one layer. Smallest model: selection/all_layers.hpp.
/// Errors:  a selector throws where more layers are asked for than there are.
template <class S>
concept LayerSelector = requires(S& s, const Probe& probe) {
  { s.select(probe) } -> std::same_as<LayerSet>;
};

template <class S>
consteval bool explain_selector() {
  static_assert(LayerSelector<S>,
                "LayerSelector: add `nada::LayerSet select(const nada::Probe&)` (docs/policies.md#selection)");
  static_assert(explain_state<S>());
  return true;
}

}  // namespace nada
