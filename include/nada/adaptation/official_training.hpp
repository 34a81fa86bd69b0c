/// The official training loop's deviations from our training, faults included.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nada/adaptation/training_policy.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// OfficialTraining is a training policy that repeats the official code's deviations; each of them can be switched off.
/// Source:  rinongal/StyleGAN-nada; docs/differences.md measures each deviation.
struct OfficialTraining {
  /// With Noise::fresh, anchor, adapted and selection images each have noise of their own.
  bool two_noises = true;
  /// Repeats the official code on PyTorch before 2.0, where `zero_grad()` writes zeros instead of clearing: the
  /// selection's backward pass leaves a gradient on every parameter. Adam therefore also steps layers that were not
  /// chosen: their step count grows and their second moment decays, their weights stay. Mapping layers are exempt.
  bool zero_gradients = true;
  /// The selection compares images with the bare target text (where the shift has texts) instead of the mean over
  /// templates, and multiplies cosines by exp(logit_scale) / 100.
  bool bare_selection = true;
  /// Recorded latents [batch, Z] of a step, and [B, Z] of the step's selection, in the place of drawn latents.
  std::function<Tensor(std::int64_t step)> recorded_latents = {}, recorded_selection = {};

  std::int64_t first_sample(Draw draw, std::int64_t batch) const {
    return two_noises ? static_cast<std::int64_t>(draw) * batch : 0;
  }

  Tensor latents(const Stream& stream, Purpose purpose, std::int64_t count, std::int64_t size) const {
    const auto& recorded = purpose == Purpose::selection ? recorded_selection : recorded_latents;
    return recorded ? recorded(stream.step) : stream.normal(purpose, {count, size});
  }

  template <class E, class S>
  Tensor selection_target(const E& encoder, const S& shift, const Endpoints& ends) const {
    if constexpr (TextualShift<S>) {
      if (bare_selection) {
        const torch::NoGradGuard no_grad;
        const std::array bare{std::string(shift.target())};
        return encoder.read(encoder.tokenize(bare));
      }
    }
    return ends.target;
  }
  template <class E>
  double selection_scale(const E& encoder) const {
    return bare_selection ? encoder.score_scale() / 100 : 1;
  }

  LayerSet stepping(std::span<const Layer> layers, const LayerSet& candidates, const LayerSet& chosen) const {
    if (!zero_gradients) return chosen;
    LayerSet out;
    for (const auto k : candidates)
      if (layers[k].kind != LayerKind::mapping || std::binary_search(chosen.begin(), chosen.end(), k)) out.push_back(k);
    return out;
  }
  Tensor gradient(const Tensor& leaf, const Tensor& found) const {
    return found.defined() || !zero_gradients ? found : torch::zeros_like(leaf);
  }
  template <class Initial>
  bool in_delta(const std::vector<Tensor>& leaves, Initial&& initial) const {
    return !zero_gradients || !std::ranges::equal(leaves, initial(), at::equal);
  }
};

}  // namespace nada
