/// Holds the adapted faces near the anchor's faces, as a face recognition network judges.
#pragma once
#include <string_view>
#include <utility>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// An image should show the person that its anchor shows:
///     L = mean_n(1 - f(adapted_n) . f(anchor_n))        []  in [0, 2], with f a network of unit embeddings (ArcFace)
/// Source:  Richardson et al., Encoding in Style, arXiv:2008.00951, equation 4 (identity loss).
/// Facts:   equal images give 0; both batches are clamped to [-1, 1] first; no gradient reaches the anchor.
template <FeatureExtractor F>
struct FaceAnchor {
  static constexpr std::string_view name = "face";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  F embedding;

  explicit FaceAnchor(F network) : embedding(std::move(network)) {}

  Tensor operator()(const Scene& s) const {
    Tensor before;
    {
      const torch::NoGradGuard no_grad;
      before = embedding(s.anchor_images.clamp(-1, 1));
    }
    return (1 - (embedding(s.adapted_images.clamp(-1, 1)) * before).sum(1)).mean();
  }
};

}  // namespace nada
