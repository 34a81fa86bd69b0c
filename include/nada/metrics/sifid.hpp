/// A metric: SIFID, the Frechet distance of the places inside two pictures.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Sifid is the mean over pairs of pictures of the Frechet distance between their internal distributions: the features of the
/// places of either, before Inception-v3's second pooling (encoders/inception_stem.hpp). Sample n, rounded to 8 bits, is compared with
/// the real picture n mod M, each at its own size; with one real picture all samples are compared with it.
///     d(a, b) = Frechet distance of the Gaussians with mean and covariance (over h w - 1) of f(a)_p and f(b)_p, p a place
/// Source:  Shaham et al., SinGAN, arXiv:1905.01164; its SIFID/sifid_score.py (192 features, torchvision's weights, no
///          resizing, files in their order).
/// Facts:   of equal pictures 0, and of pictures with the same places in another order.
struct Sifid {
  static constexpr std::string_view name = "SIFID";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::adapted_images | Needs::real;
  std::function<Tensor(const Tensor&)> features;                        // images [N, 3, H, W] -> [N, C, h, w]
  std::function<std::vector<Gaussian>(std::int64_t most)> of_pictures;  // of the first real pictures, at most `most`

  Estimate operator()(const Evidence& e) const;
};

/// Returns the Gaussian of the places of each image, features [N, C, h, w].
/// Errors:  another shape; fewer than 2 places; not finite.
std::vector<Gaussian> internal_gaussians(const Tensor& features);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/sifid.ipp"
#endif
