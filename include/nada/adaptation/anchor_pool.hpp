/// The anchor pool: batches of samples that come again, with what the anchor gives for them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"

namespace nada {

/// KeptFeatures are the anchor's features in each encoder of weight > 0; none where no term has asked for them yet.
using KeptFeatures = std::vector<std::optional<Features>>;

/// AnchorPool holds the anchor's images and features of a fixed number of batches. Steps take the batches in turn: step
/// s of a run with B batches draws all its random numbers (latents, noise, views) as step s mod B would without a pool,
/// so that the anchor's side of a batch is the same each time and is computed once, at the first step that needs it. It
/// is no state of a run, because it follows from the seed and the anchor.
/// Why:     the anchor's images and features are about a quarter of a step.
class AnchorPool {
 public:
  /// What the anchor gave for a batch: images as generated [N, 3, H, W], undefined until they are made, and features.
  struct Batch {
    Tensor images;
    KeptFeatures features;
    /// Whether every encoder's features are there.
    bool has_features() const {
      for (const auto& of_encoder : features)
        if (!of_encoder) return false;
      return !features.empty();
    }
  };

  /// A pool of `samples`, a multiple of `batch`; of 0 samples: no pool, every step draws anew.
  AnchorPool(std::int64_t samples, std::int64_t batch) : batches_(static_cast<std::size_t>(samples / batch)) {}

  /// Returns the step whose random numbers step `step` draws.
  std::int64_t drawn_step(std::int64_t step) const {
    return batches_.empty() ? step : step % static_cast<std::int64_t>(batches_.size());
  }
  /// Returns what is kept of the batch of a step; null where there is no pool.
  Batch* batch(std::int64_t step) {
    return batches_.empty() ? nullptr : &batches_[static_cast<std::size_t>(drawn_step(step))];
  }
  /// Forgets what is kept: the anchor has moved.
  void clear() { batches_.assign(batches_.size(), Batch{}); }

 private:
  std::vector<Batch> batches_;
};

}  // namespace nada
