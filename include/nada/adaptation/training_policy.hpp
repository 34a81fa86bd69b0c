/// Training policies: the parts of a step that differ between our training and the official code's.
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

/// Draw says for which images of a step noise is drawn.
enum class Draw : std::int64_t { adapted = 0, anchor = 1, selection = 2 };

/// OwnTraining is the training without deviations. The other policy is adaptation/official_training.hpp.
struct OwnTraining {
  /// Returns the first sample of a draw in the step's noise: all draws of a step have the same noise.
  std::int64_t first_sample(Draw, std::int64_t /*batch*/) const { return 0; }

  /// Returns the latents z [count, size] of a step, for `purpose` latents or selection.
  Tensor latents(const Stream& stream, Purpose purpose, std::int64_t count, std::int64_t size) const {
    return stream.normal(purpose, {count, size});
  }

  /// selection_target() returns the feature [1, E] that the selection's global loss compares images with;
  /// selection_scale() returns the factor of its cosines.
  template <class E, class S>
  Tensor selection_target(const E&, const S& /*shift*/, const Endpoints& ends) const {
    return ends.target;
  }
  template <class E>
  double selection_scale(const E&) const {
    return 1;
  }

  /// Returns the layers that Adam steps: the chosen layers.
  LayerSet stepping(std::span<const Layer>, const LayerSet& /*candidates*/, const LayerSet& chosen) const {
    return chosen;
  }
  /// Returns the gradient that Adam takes for a leaf; with an undefined gradient the leaf stands still.
  Tensor gradient(const Tensor& /*leaf*/, const Tensor& found) const { return found; }
  /// Whether a layer's leaves belong into a delta. `initial()` makes the leaves that the layer began with.
  template <class Initial>
  bool in_delta(const std::vector<Tensor>& /*leaves*/, Initial&& /*initial*/) const {
    return true;
  }
};

}  // namespace nada
