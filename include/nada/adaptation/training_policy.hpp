/// What of a step is not the same in our training and in the official code's.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// For which images of a step noise is drawn.
enum class Draw : std::int64_t { adapted = 0, anchor = 1, selection = 2 };

/// The training as it is meant: a policy of which nothing deviates. adaptation/official_training.hpp is the other one.
struct OwnTraining {
  /// First sample of a draw in the step's noise: all draws of a step have the same noise.
  std::int64_t first_sample(Draw, std::int64_t /*batch*/) const { return 0; }

  /// Latents z [count, size] of a step, for `purpose` latents or selection.
  Tensor latents(const Stream& stream, Purpose purpose, std::int64_t count, std::int64_t size) const {
    return stream.normal(purpose, {count, size});
  }

  /// [1, E]: what the selection's global loss compares images with, and what its cosines are multiplied by.
  template <class E, class S>
  Tensor selection_target(const E&, const S& /*shift*/, const Endpoints& ends) const {
    return ends.target;
  }
  template <class E>
  double selection_scale(const E&) const {
    return 1;
  }

  /// Layers that Adam steps: the chosen ones.
  LayerSet stepping(std::span<const Layer>, const LayerSet& /*candidates*/, const LayerSet& chosen) const {
    return chosen;
  }
  /// The gradient that Adam takes for a leaf; undefined: the leaf stands still.
  Tensor gradient(const Tensor& /*leaf*/, const Tensor& found) const { return found; }
  /// Whether a layer's leaves belong into a delta. `initial()` makes those that it began with.
  template <class Initial>
  bool in_delta(const std::vector<Tensor>& /*leaves*/, Initial&& /*initial*/) const {
    return true;
  }
};

}  // namespace nada
