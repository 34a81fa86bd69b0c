/// Measures whether a picture is of the kind that a generator makes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <ATen/Functions.h>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// DomainDistance compares the distance of a picture to the nearest of a generator's samples with the same distance
/// of the samples among themselves.
struct DomainDistance {
  double picture = 0;  // |f(x) - f(G(z))| to the nearest sample
  double usual = 0;    // distance of a sample to the nearest other sample, median over the samples
  double largest = 0;  // distance of a sample to the nearest other sample, the largest

  /// Whether the picture is farther from every sample than any sample is from the other samples.
  bool far() const { return picture > largest; }
};

/// Compares the features of a picture [1, F] with those of samples [N, F].
/// Errors:  fewer than two samples.
inline DomainDistance domain_distance(const Tensor& features, const Tensor& picture) {
  require(features.dim() == 2 && features.size(0) >= 2,
          "a distance to samples needs at least two, found features of shape ", shape_text(features.sizes()));
  const auto f = features.to(torch::kFloat64), x = picture.to(torch::kFloat64);
  auto among = at::cdist(f, f);
  among.fill_diagonal_(std::numeric_limits<double>::infinity());
  const auto nearest = std::get<0>(among.min(1));
  return {at::cdist(x, f).min().item<double>(), nearest.median().item<double>(), nearest.max().item<double>()};
}

/// Returns the features [count, F] of samples that `stream` draws.
template <Generator G, FeatureExtractor F>
Tensor domain_samples(const G& generator, const F& features, const Stream& stream, std::int64_t count,
                      const Tensor& labels = {}) {
  const torch::NoGradGuard no_grad;
  const auto options = generator.mean_style().options();
  const std::int64_t r = generator.resolution();
  const auto at_once = std::max<std::int64_t>(1, 16 * 256 * 256 / (r * r));
  std::vector<Tensor> seen;
  for (std::int64_t first = 0; first < count; first += at_once) {
    const auto n = std::min(at_once, count - first);
    const auto z = stream.normal(Purpose::evaluation, {n, generator.latent_size()}, first).to(options);
    seen.push_back(features(generator.synthesize(generator.map(z, labels), Render{})));
  }
  return torch::cat(seen);
}

/// Compares an image [1, 3, H, W] with `count` samples that `stream` draws, by the distances of their `features`.
template <Generator G, FeatureExtractor F>
DomainDistance domain_distance(const G& generator, const F& features, const Tensor& image, const Stream& stream,
                               std::int64_t count, const Tensor& labels = {}) {
  const torch::NoGradGuard no_grad;
  const auto seen = domain_samples(generator, features, stream, count, labels);
  return domain_distance(seen, features(image.to(generator.mean_style().options())));
}

}  // namespace nada
