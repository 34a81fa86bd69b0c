// A loss of one's own.
#pragma once
#include <nada/losses/term.hpp>

/// L = max(0, TV(adapted) / TV(anchor) - 1), TV = mean |difference of neighbouring pixels|        []  >= 0
/// A term that needs no encoder; one that does has `bind` (docs/policies.md#terms).
struct NewPart {
  static constexpr std::string_view name = "new_part";  // its column in metrics.csv
  static constexpr nada::Reads reads = nada::Reads::adapted | nada::Reads::anchor;
  static constexpr bool per_sample = false;  // a ratio of means over the batch is no mean over samples

  static torch::Tensor variation(const torch::Tensor& images) {  // [N, 3, H, W] -> []
    return images.diff(1, 3).abs().mean() + images.diff(1, 2).abs().mean();
  }
  torch::Tensor operator()(const nada::Scene& s) const {
    return (variation(s.adapted_images) / variation(s.anchor_images).clamp_min(1e-6) - 1).clamp_min(0);
  }
};
static_assert(nada::SceneTerm<NewPart>);
