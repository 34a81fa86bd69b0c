/// A metric: SCS, how much of an image's edges adaptation kept.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Scs is the structural consistency score: the mean over samples of the agreement of the edges before and after adaptation.
///     s_n = 2 sum_p A_p B_p / sum_p (A_p^2 + B_p^2)     A, B: edges of the adapted and the source's image, in [0, 1]
/// Images are rounded to 8 bits, edges cut to 8 bits (floor(255 e) / 255), as the files of the official code hold them.
/// Source:  Xiao et al., Few Shot Generative Model Adaption via Relaxed Spatial Structural Alignment, arXiv:2203.04121, and
///          its eval.py (StevenShaw1999/RSSA): edges by HED (encoders/hed.hpp), 500 pairs.
/// Facts:   in [0, 1]; of equal edges 1, also where there are none.
struct Scs {
  static constexpr std::string_view name = "SCS";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images | Needs::source_images;
  AnyFeatureExtractor edges;  // images [N, 3, H, W] -> [N, 1, H, W] in [0, 1]

  Estimate operator()(const Evidence& e) const;
};

/// Returns the agreement [N] of edges [N, 1, H, W] in [0, 1], which are cut to 8 bits, float64 on the processor.
/// Errors:  edges of different shapes.
Tensor edge_agreement(const Tensor& a, const Tensor& b);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/scs.ipp"
#endif
