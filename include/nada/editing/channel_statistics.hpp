/// What each style channel of a generator does to its pictures, as encoders see them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/editing/style_space.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// ChannelSettings say how style channels are measured.
struct ChannelSettings {
  std::int64_t samples = 16;          // S, whose pictures show what a channel does
  std::int64_t style_samples = 4096;  // samples that mean and deviation of a channel are measured on
  double reach = 5;                   // deviations from its mean that a channel is put at; 5 in the official code
  std::uint64_t seed = 0;             // of all samples
  std::int64_t label = -1;            // their class, for files; -1: none
  int resolution = 0;       // exit that the pictures are rendered at; 0: full. Later layers then have no steps
  std::int64_t batch = 16;  // samples that are rendered at once; the numbers depend on it by their last bits

  /// Errors:  a number outside of its range, naming it.
  void check() const {
    require(samples >= 1, "channel statistics of ", samples, " samples, expected at least 1");
    require(style_samples >= 2, "channel statistics of ", style_samples, " styles, expected at least 2");
    require(reach > 0 && reach <= 1000, "channel statistics: a reach of ", reach, " deviations, expected (0, 1000]");
    require(resolution >= 0, "channel statistics: an exit at ", resolution, " pixels, expected 0 or more");
    require(batch >= 1, "channel statistics: a batch of ", batch, ", expected at least 1");
  }
};

/// LayerStatistics are the statistics of the C style channels of one layer.
struct LayerStatistics {
  Tensor mean, deviation;     // [C] over the samples' styles
  std::vector<Tensor> steps;  // for each encoder [C, E]: where a channel moves the pictures, of unit length or 0
};

/// ChannelStatistics are the statistics of a generator's style channels under some encoders. A layer that was not measured
/// yet is missing.
struct ChannelStatistics {
  std::string base_hash;              // base_hash() of the generator
  std::vector<std::string> encoders;  // what tells the encoders: the SHA-256 of their files
  ChannelSettings settings;
  std::map<std::string, LayerStatistics> layers;  // by name

  std::int64_t channels() const {
    std::int64_t sum = 0;
    for (const auto& [name, layer] : layers) sum += layer.mean.numel();
    return sum;
  }
};

/// Returns the mean of unit steps [S, E], at unit length. A step without length is left out of the mean; where nothing is
/// left, the result is 0.
Tensor mean_step(const Tensor& steps);

/// Returns the steps of the style channel `c` of the convolution `k`, an [S, E] for each encoder: the unit features of the
/// pictures whose channel is `high`, minus those of the pictures whose channel is `low`.
template <Generator G, EncoderSet Es>
std::vector<Tensor> channel_steps(const G& generator, const Es& encoders, const Tensor& styles, std::size_t k,
                                  std::int64_t c, double low, double high, const ChannelSettings& settings) {
  Render render;
  render.resolution = settings.resolution;
  const auto up = pin_channel(generator, k, c, high), down = pin_channel(generator, k, c, low);
  std::vector<std::vector<Tensor>> parts;
  for (std::int64_t at = 0; at < styles.size(0); at += settings.batch) {
    const auto n = std::min(settings.batch, styles.size(0) - at);
    const auto some = styles.narrow(0, at, n);
    const auto images = at::cat({up.synthesize(some, render), down.synthesize(some, render)}).clamp(-1, 1);
    std::size_t e = 0;
    encoders.each([&](const auto& encoder, double, std::size_t) {
      const auto seen = encoder.see(images, Wanted{}).unit;  // [2 n, E]
      if (parts.size() <= e) parts.emplace_back();
      parts[e++].push_back(seen.narrow(0, 0, n) - seen.narrow(0, n, n));
    });
  }
  std::vector<Tensor> out;
  for (const auto& one : parts) out.push_back(at::cat(one));
  return out;
}

/// Measures the style channels of the convolution `k`:
///     step_c = unit(mean_n unit(E(picture_n, s_c = mean_c + reach deviation_c) - E(picture_n, s_c = mean_c - reach deviation_c)))
/// over samples n, E of unit length; pictures are clamped to [-1, 1] before an encoder sees them.
/// `styles` [S, L, D] are those of the samples, `all_styles` [T, L, D] those that mean and deviation are measured on.
/// `after(c)` is called after each channel and says whether to go on; where it says no, nothing is returned.
/// Source:  Patashnik et al., StyleCLIP, arXiv:2103.17249, section on global directions, and its official code
///          (global_directions/SingleChannel.py), which takes 100 samples, a reach of 5, and layers up to 128 px.
template <Generator G, EncoderSet Es, class After>
LayerStatistics measure_channels(const G& generator, const Es& encoders, const Tensor& styles, const Tensor& all_styles,
                                 std::size_t k, const ChannelSettings& settings, After&& after) {
  const torch::NoGradGuard no_grad;
  settings.check();
  const auto values = style_channels(generator, k, all_styles).to(torch::kCPU, torch::kFloat64);
  LayerStatistics out{values.mean(0), values.std(0, /*unbiased=*/false), {}};
  std::vector<std::vector<Tensor>> rows;
  for (std::int64_t c = 0; c < values.size(1); ++c) {
    const auto mean = out.mean[c].template item<double>();
    const auto side = settings.reach * out.deviation[c].template item<double>();
    const auto steps = channel_steps(generator, encoders, styles, k, c, mean - side, mean + side, settings);
    rows.resize(steps.size());
    for (std::size_t e = 0; e < steps.size(); ++e)
      rows[e].push_back(mean_step(steps[e].to(torch::kCPU, torch::kFloat64)));
    if (!after(c)) return {};
  }
  for (const auto& one : rows) out.steps.push_back(at::stack(one).to(torch::kFloat32));
  out.mean = out.mean.to(torch::kFloat32);
  out.deviation = out.deviation.to(torch::kFloat32);
  return out;
}

/// Returns the styles w+ [count, L, D] of the first samples of a seed.
template <Generator G>
Tensor sampled_styles(const G& generator, std::uint64_t seed, std::int64_t count, const Tensor& labels = {}) {
  const torch::NoGradGuard no_grad;
  const auto mean = generator.mean_style();
  const auto z = Stream{seed, 0}.normal(Purpose::samples, {count, generator.latent_size()}).to(mean.options());
  return generator.map(z, labels);
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/editing/channel_statistics.ipp"
#endif
