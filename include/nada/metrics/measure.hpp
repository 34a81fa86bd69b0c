/// Measures: from generators and pictures to evidence, and from evidence to numbers.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <c10/util/Exception.h>

#include "nada/core/error.hpp"
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
#include "nada/metrics/twins.hpp"

namespace nada {

/// Returns the features of `count` images, which `images(first, n)` makes in pieces of at most `piece`. The images are
/// clamped to [-1, 1], as pictures are. Features have tokens where they are wanted.
template <TextImageEncoder E>
Features see_all(const E& encoder, std::int64_t count,
                 const std::function<Tensor(std::int64_t first, std::int64_t n)>& images, std::int64_t piece = 20,
                 Wanted wanted = {}) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> unit_features, raw, tokens;
  for (std::int64_t at = 0; at < count; at += piece) {
    const auto seen = encoder.see(images(at, std::min(piece, count - at)).clamp(-1, 1), wanted);
    unit_features.push_back(seen.unit.cpu());
    raw.push_back(seen.raw.cpu());
    if (wanted.tokens) tokens.push_back(seen.tokens.cpu());
  }
  if (unit_features.empty()) return {};
  return {torch::cat(unit_features), torch::cat(raw), tokens.empty() ? Tensor{} : torch::cat(tokens)};
}
template <TextImageEncoder E>
Features see_all(const E& encoder, const Tensor& images, Wanted wanted = {}) {
  return see_all(
      encoder, images.size(0), [&](std::int64_t first, std::int64_t n) { return images.narrow(0, first, n); }, 20,
      wanted);
}

/// Returns the images of samples `first` to `first` + `count` - 1 of a seed, [count, 3, H, W], as generated. Those of
/// Purpose::samples are the ones that `generate` shows; measurements have others.
template <Generator G>
Tensor render_samples(const G& generator, std::int64_t first, std::int64_t count, std::uint64_t seed,
                      double truncation = 1, const Tensor& labels = {}, Purpose purpose = Purpose::evaluation) {
  const torch::NoGradGuard no_grad;
  const auto mean = generator.mean_style();
  const auto z = Stream{seed, 0}.normal(purpose, {count, generator.latent_size()}, first);
  return generator.synthesize(truncate(generator.map(z.to(mean.options()), labels), mean, truncation), Render{});
}

/// Returns the features of samples 0 to `count` - 1 of a seed, which all metrics share.
template <TextImageEncoder E, Generator G>
Features see_samples(const E& encoder, const G& generator, std::int64_t count, std::uint64_t seed,
                     double truncation = 1, const Tensor& labels = {}) {
  return see_all(encoder, count, [&](std::int64_t first, std::int64_t n) {
    return render_samples(generator, first, n, seed, truncation, labels);
  });
}

/// Measured is the number that a metric gave.
struct Measured {
  std::string_view name;
  bool higher_is_better;
  Estimate estimate;
};

/// Returns the number of each metric, in order; metrics that need more than the evidence holds are left out.
/// Errors:  a metric that reads evidence which its `needs` does not declare, by name.
template <Metric... Metrics>
std::vector<Measured> measure(const Evidence& evidence, const Metrics&... metrics) {
  std::vector<Measured> out;
  const auto add = [&](const auto& metric) {
    using M = std::decay_t<decltype(metric)>;
    if (!enough(M::needs, evidence)) return;
    try {
      out.push_back({M::name, M::higher_is_better, metric(declared(M::needs, evidence))});
    } catch (const c10::Error& error) {
      fail("the metric ", M::name, " failed: ", first_line(error.what()),
           "; does it read evidence that its `needs` does not declare?");
    }
  };
  (add(metrics), ...);
  return out;
}

/// MetricList is a list of metrics for code that is compiled once, whichever they are.
struct MetricList {
  std::vector<std::string> names;                                 // of all, in order
  std::vector<bool> higher_is_better;                             // of all, in order
  std::vector<Needs> needs_of;                                    // of all, in order
  std::vector<std::string> own;                                   // of those that not every program has
  Needs needs = Needs::nothing;                                   // of any of them
  std::function<std::vector<Measured>(const Evidence&)> measure;  // as measure() does it

  /// Returns what the metric of this name needs; the name is one of `names`.
  Needs needs_of_metric(std::string_view name) const {
    return needs_of[static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
  }
};

/// Returns the metrics of every program, with the settings of their papers, in the order of their columns, and `own`
/// after them.
/// Errors:  two metrics of one name; a name that begins with "term:", as the columns of loss terms do.
template <Metric... Own>
MetricList metric_list(const Own&... own) {
  MetricList out;
  const auto add = [&](const auto&... metrics) {
    (out.names.emplace_back(std::decay_t<decltype(metrics)>::name), ...);
    (out.higher_is_better.push_back(std::decay_t<decltype(metrics)>::higher_is_better), ...);
    (out.needs_of.push_back(std::decay_t<decltype(metrics)>::needs), ...);
    ((out.needs = out.needs | std::decay_t<decltype(metrics)>::needs), ...);
    out.measure = [... kept = metrics](const Evidence& evidence) { return measure(evidence, kept...); };
  };
  add(PsnrGain{}, TwinPsnr{}, TwinSsim{}, OwnTruth{}, TwinFeatures{}, Found{}, TextScore{}, DirectionalScore{},
      Frechet{}, KernelDistance{}, Cmmd{}, Precision{}, Recall{}, IntraClusterDistance{}, PairwiseDistance{},
      PixelDistance{}, Identity{}, own...);
  (out.own.emplace_back(Own::name), ...);
  for (std::size_t i = 0; i < out.names.size(); ++i) {
    const auto& name = out.names[i];
    require(!name.starts_with("term:"), "a metric is called '", name, "', as columns of loss terms are");
    require(std::count(out.names.begin(), out.names.end(), name) == 1, "two metrics are called '", name, "'");
  }
  return out;
}

/// Returns the numbers of metric_list(), as far as the evidence is enough.
inline std::vector<Measured> measure_all(const Evidence& evidence) { return metric_list().measure(evidence); }

}  // namespace nada
