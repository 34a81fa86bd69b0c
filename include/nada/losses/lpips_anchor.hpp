/// Holds the adapted images near the anchor's images, as LPIPS judges.
#pragma once
#include <string_view>
#include <utility>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/losses/term.hpp"

namespace nada {

/// The LPIPS distance between an image and its anchor should stay small:
///     L = mean_n |f(adapted_n) - f(anchor_n)|^2         []  >= 0, with f a network whose squared distances are LPIPS
/// Source:  Zhang et al., The Unreasonable Effectiveness of Deep Features, arXiv:1801.03924:
///          LpipsAnchor{Lpips::load("vgg.pth")}.
/// Facts:   equal images give 0; both batches are clamped to [-1, 1] first.
template <FeatureExtractor F>
struct LpipsAnchor {
  static constexpr std::string_view name = "lpips";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  F features;

  explicit LpipsAnchor(F network) : features(std::move(network)) {}

  Tensor operator()(const Scene& s) const {
    Tensor before;
    {
      const torch::NoGradGuard no_grad;
      before = features(s.anchor_images.clamp(-1, 1));
    }
    return feature_distance(features(s.adapted_images.clamp(-1, 1)), before).mean();
  }
};

}  // namespace nada
