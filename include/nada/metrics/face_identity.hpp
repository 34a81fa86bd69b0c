/// A metric: whether samples still show the same person, as a face recognition network judges.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// FaceIdentity is the mean cosine of the embeddings of each sample before and after adaptation, in [-1, 1]; papers call it
/// ID or identity similarity. The network is ArcFace as a rule, which was trained on photographs of faces.
///     mean_n f(adapted_n) . f(source_n)
struct FaceIdentity {
  static constexpr std::string_view name = "face_identity";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images | Needs::source_images;
  AnyFeatureExtractor embedding;  // images [N, 3, H, W] -> [N, E] of unit length

  Estimate operator()(const Evidence& e) const {
    constexpr std::int64_t piece = 10;
    const auto count = e.adapted_images.size(0);
    std::vector<Tensor> cosines;
    for (std::int64_t at = 0; at < count; at += piece) {
      const auto n = std::min(piece, count - at);
      const auto embed = [&](const Tensor& images) { return embedding(images.narrow(0, at, n)).cpu(); };
      cosines.push_back((embed(e.adapted_images) * embed(e.source_images)).sum(1).to(torch::kFloat64));
    }
    return mean_estimate(torch::cat(cosines));
  }
};

}  // namespace nada
