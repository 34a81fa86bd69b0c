/// The anchor pool: batches of samples that come again, with what the anchor gives for them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// KeptAnchors are what is kept for each encoder of weight > 0, and the bytes that terms may keep for each.
struct KeptAnchors {
  std::size_t room = 0;
  std::vector<KeptAnchor> of_encoders;

  /// Whether every encoder's features are there.
  bool has_features() const {
    for (const auto& kept : of_encoders)
      if (!kept.features) return false;
    return !of_encoders.empty();
  }
};

/// AnchorPool holds the anchor's images and features of a fixed number of batches. Steps take the batches in turn: step
/// s of a run with B batches draws all its random numbers (latents, noise, views) as step s mod B would without a pool,
/// so that the anchor's side of a batch is the same each time and is computed once, at the first step that needs it. It
/// is no state of a run, because it follows from the seed and the anchor.
/// Why:     the anchor's images and features are about a quarter of a step.
class AnchorPool {
 public:
  /// What terms may keep of all batches together, in bytes and for each encoder.
  static constexpr std::size_t room = std::size_t{512} << 20;

  /// What the anchor gave for a batch, or for a part of one: images as generated [N, 3, H, W], undefined until they are
  /// made, and what encoders and terms computed of them.
  struct Batch {
    Tensor images;
    KeptAnchors anchor;
  };

  /// A pool of `samples`, a multiple of `batch`, of which each batch is computed in `parts`; of 0 samples: no pool, every
  /// step draws anew.
  AnchorPool(std::int64_t samples, std::int64_t batch, std::size_t parts = 1)
      : steps_(samples / batch), parts_(parts), batches_(static_cast<std::size_t>(steps_) * parts) {
    clear();
  }

  /// Returns the step whose random numbers step `step` draws.
  std::int64_t drawn_step(std::int64_t step) const { return batches_.empty() ? step : step % steps_; }
  /// Returns what is kept of a part of the batch of a step; null where there is no pool.
  Batch* batch(std::int64_t step, std::size_t part = 0) {
    return batches_.empty() ? nullptr : &batches_[static_cast<std::size_t>(drawn_step(step)) * parts_ + part];
  }
  /// Forgets what is kept: the anchor has moved.
  void clear() {
    for (auto& batch : batches_) batch = {{}, {room / batches_.size(), {}}};
  }

 private:
  std::int64_t steps_;
  std::size_t parts_;
  std::vector<Batch> batches_;
};

}  // namespace nada
