/// Measures: from generators and pictures to evidence, and from evidence to numbers.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/metrics/directional_score.hpp"
#include "nada/metrics/diversity.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/identity.hpp"
#include "nada/metrics/kernel_distance.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/precision_recall.hpp"
#include "nada/metrics/text_score.hpp"

namespace nada {

/// Returns the features of `count` images, which `images(first, n)` makes in pieces of at most `piece`. The images are
/// clamped to [-1, 1], as pictures are.
template <TextImageEncoder E>
Features see_all(const E& encoder, std::int64_t count,
                 const std::function<Tensor(std::int64_t first, std::int64_t n)>& images, std::int64_t piece = 20) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> unit_features, raw;
  for (std::int64_t at = 0; at < count; at += piece) {
    const auto seen = encoder.see(images(at, std::min(piece, count - at)).clamp(-1, 1), Wanted{});
    unit_features.push_back(seen.unit.cpu());
    raw.push_back(seen.raw.cpu());
  }
  if (unit_features.empty()) return {};
  return {torch::cat(unit_features), torch::cat(raw), {}};
}
template <TextImageEncoder E>
Features see_all(const E& encoder, const Tensor& images) {
  return see_all(encoder, images.size(0),
                 [&](std::int64_t first, std::int64_t n) { return images.narrow(0, first, n); });
}

/// Returns the features of samples 0 to `count` - 1 of a seed, which all metrics share.
template <TextImageEncoder E, Generator G>
Features see_samples(const E& encoder, const G& generator, std::int64_t count, std::uint64_t seed,
                     double truncation = 1, const Tensor& labels = {}) {
  const torch::NoGradGuard no_grad;
  const auto mean = generator.mean_style();
  return see_all(encoder, count, [&](std::int64_t first, std::int64_t n) {
    const auto z = Stream{seed, 0}.normal(Purpose::evaluation, {n, generator.latent_size()}, first);
    return generator.synthesize(truncate(generator.map(z.to(mean.options()), labels), mean, truncation), Render{});
  });
}

/// Measured is the number that a metric gave.
struct Measured {
  std::string_view name;
  bool higher_is_better;
  Estimate estimate;
};

/// Returns the number of each metric, in order; metrics that need more than the evidence holds are left out.
template <Metric... Metrics>
std::vector<Measured> measure(const Evidence& evidence, const Metrics&... metrics) {
  std::vector<Measured> out;
  const auto add = [&](const auto& metric) {
    using M = std::decay_t<decltype(metric)>;
    if (enough(M::needs, evidence)) out.push_back({M::name, M::higher_is_better, metric(evidence)});
  };
  (add(metrics), ...);
  return out;
}

/// Returns the numbers of all metrics with the settings of their papers.
inline std::vector<Measured> measure_all(const Evidence& evidence) {
  return measure(evidence, TextScore{}, DirectionalScore{}, Frechet{}, KernelDistance{}, Cmmd{}, Precision{}, Recall{},
                 IntraClusterDistance{}, PairwiseDistance{}, Identity{});
}

}  // namespace nada
