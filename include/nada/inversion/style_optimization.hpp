/// Finds a picture's styles by gradient descent.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numbers>
#include <utility>
#include <vector>

#include <torch/autograd.h>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/noise_maps.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// StyleSpace: one style for all layers (w), or one style for each layer (w_plus).
enum class StyleSpace { w, w_plus };

/// StyleOptimizationSettings say how StyleOptimization walks.
struct StyleOptimizationSettings {
  StyleSpace space = StyleSpace::w_plus;
  std::int64_t steps = 300;
  std::int64_t starts = 4;            // the mean style, and the samples that look most like the picture
  std::int64_t candidates = 128;      // samples that the starts are chosen from
  double perceptual = 1, pixels = 1;  // weights of the two terms
  double pull = 0.001;                // weight of the squared distance to the mean style, in deviations
  double rate = 0.1;  // Adam's; rises in the first `ramp_up` share of the steps, falls in the last `ramp_down`
  double ramp_up = 0.05, ramp_down = 0.25;
  double style_noise = 0.05, style_noise_ramp = 0.75;  // in deviations of w; the share of the steps at which it ends
  bool noise_maps = false;                             // optimize the generator's noise inputs too
  double noise_weight = 1e5;
  Tensor labels = {};        // [1, C]; undefined: the generator has no classes
  Tensor initial = {};       // w+ [1, L, D], the first start; undefined: the mean style
  std::int64_t at_once = 0;  // starts whose images are in memory at once; 0: as many as fill eight pictures of 256 px
  std::function<bool()> goes_on = {};  // asked beside the candidates; false: no more of them

  void check() const {
    require(steps >= 1 && starts >= 1, "an inversion takes at least one step from one start, found ", steps, " and ",
            starts);
    require(candidates >= starts - 1, "an inversion from ", starts, " starts needs at least ", starts - 1,
            " candidates, found ", candidates);
    for (const auto weight : {perceptual, pixels, pull, style_noise, noise_weight})
      require(std::isfinite(weight) && weight >= 0, "a weight of the inversion is ", weight,
              ", expected a number >= 0");
    require(perceptual + pixels > 0, "every term of the inversion has weight 0");
    require(std::isfinite(rate) && rate > 0, "the learning rate is ", rate, ", expected a number > 0");
  }
  /// Returns how many samples are rendered at once.
  std::int64_t batch(int resolution) const {
    if (at_once > 0) return at_once;
    return std::max<std::int64_t>(1, 8 * 256 * 256 / (std::int64_t{resolution} * resolution));
  }
};

/// StyleOptimization projects a picture into W or W+:
///     L(w) = perceptual |f(G(w)) - f(x)|^2 + pixels mean (G(w) - x)^2 + pull mean ((w - mean) / deviation)^2
/// Adam minimises L from each start by itself; the start that ends lowest in the first two terms wins. Noise is added
/// to w while the walk is young, so that the walk leaves shallow minima.
/// Source:  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958, appendix D (there
///          W, 1000 steps from the mean style); Abdal et al., Image2StyleGAN, arXiv:1904.03189 (W+).
/// Facts:   the result is reproducible for a stream; `pull` alone ends at the mean style.
/// Errors:  an image of another size than the generator's; a loss that is not finite.
template <FeatureExtractor F>
class StyleOptimization {
 public:
  explicit StyleOptimization(F features, StyleOptimizationSettings settings = {})
      : features_(std::move(features)), settings_(std::move(settings)) {
    settings_.check();
  }
  const StyleOptimizationSettings& settings() const { return settings_; }

  template <Generator G>
  Inversion invert(const G& source, const Tensor& image, const Stream& stream,
                   const InversionProgress& progress = {}) const {
    check_image(source, image);
    Walk<G> walk(*this, source, image, stream);
    for (std::int64_t step = 0; step < settings_.steps; ++step) {
      const auto losses = walk.step(step);
      if (progress && !progress(step + 1, settings_.steps, losses.min().template item<double>())) break;
    }
    return walk.best();
  }

  /// Returns the share of the learning rate at the share `t` of the steps: it rises in a
  /// line and falls in half a cosine.
  double ramp(double t) const {
    double down = std::min(1.0, (1 - t) / settings_.ramp_down);
    down = 0.5 - 0.5 * std::cos(down * std::numbers::pi);
    return down * std::min(1.0, settings_.ramp_up > 0 ? t / settings_.ramp_up : 1.0);
  }

 private:
  static Stream stream_at(Stream stream, std::int64_t step) {
    stream.step = step;
    return stream;
  }

  struct Starts {
    Tensor codes;      // styles [S, 1 or L, D]
    Tensor deviation;  // [D]
    double spread;     // root of the mean |w - mean|^2
  };
  template <Generator G>
  Starts starts(const G& generator, const Tensor& target, const Tensor& seen, const Stream& stream) const {
    const torch::NoGradGuard no_grad;
    const auto options = generator.mean_style().options();
    const auto mean = generator.mean_style();
    const auto draw = [&](std::int64_t count, std::int64_t first) {
      return stream_at(stream, 0).normal(Purpose::inversion, {count, generator.latent_size()}, first).to(options);
    };
    const auto w = generator.map(draw(1024, 0), settings_.labels).select(1, 0) - mean;  // [1024, D]
    const auto spread = std::sqrt(w.square().sum(1).mean().template item<double>());
    const auto deviation = w.square().mean(0).sqrt().clamp_min(1e-8);

    const auto rows = settings_.space == StyleSpace::w ? 1 : generator.style_count();
    std::vector<Tensor> codes{first_start(generator).narrow(1, 0, rows)};
    if (settings_.starts > 1) {
      std::vector<Tensor> scores, styles;
      const auto at_once = settings_.batch(generator.resolution());
      for (std::int64_t first = 0; first < settings_.candidates; first += at_once) {
        const auto n = std::min(at_once, settings_.candidates - first);
        styles.push_back(generator.map(draw(n, first), settings_.labels));
        const auto part = settings_.goes_on ? std::min<std::int64_t>(n, 16) : n;
        for (std::int64_t at = 0; at < n && goes_on(); at += part) {
          const auto images = generator.synthesize(styles.back().narrow(0, at, std::min(part, n - at)), Render{});
          scores.push_back(differences(images, target, seen));
        }
        if (!goes_on()) break;
      }
      if (scores.empty()) return {codes.front().contiguous(), deviation, spread};
      const auto order = torch::cat(scores).argsort();
      const auto nearest = order.narrow(0, 0, std::min(order.size(0), settings_.starts - 1));
      codes.push_back(torch::cat(styles).index_select(0, nearest).narrow(1, 0, rows));
    }
    return {torch::cat(codes).contiguous(), deviation, spread};
  }

  bool goes_on() const { return !settings_.goes_on || settings_.goes_on(); }

  /// Returns the styles w+ [1, L, D] of the first start.
  template <Generator G>
  Tensor first_start(const G& generator) const {
    const auto mean = generator.mean_style();
    const auto l = generator.style_count();
    if (!settings_.initial.defined()) return mean.view({1, 1, -1}).expand({1, l, -1});
    require(settings_.initial.sizes() == at::IntArrayRef({1, l, mean.size(0)}), "a search from styles of shape ",
            shape_text(settings_.initial.sizes()), ", expected [1, ", l, ", ", mean.size(0), "]");
    const auto own = settings_.initial.to(mean.options());
    return settings_.space == StyleSpace::w ? own.mean(1, true).expand_as(own) : own;
  }

  /// Returns white noise that can be optimized, one map [S, 1, r, r] for each convolution; no
  /// maps where `noise_maps` is off.
  template <Generator G>
  std::vector<Tensor> start_noise(const G& generator, std::int64_t count, const Stream& stream) const {
    std::vector<Tensor> maps;
    if (!settings_.noise_maps) return maps;
    if constexpr (requires(G & g) { g.use_noise(std::size_t{}, Tensor{}); }) {
      for (std::size_t m = 0; m < generator.noise_map_count(); ++m) {
        const std::int64_t r = generator.noise_resolution(m);
        maps.push_back(stream_at(stream, 0)
                           .normal(Purpose::inversion, {count, 1, r, r}, 0, m + 2)
                           .to(generator.mean_style().options()));
      }
      normalize_noise(maps);
      for (auto& map : maps) map.requires_grad_(true);
    } else {
      fail("this generator has no noise inputs that can be optimized");
    }
    return maps;
  }

  /// Walk holds all starts on their way. Starts share nothing, so that pieces of the batch can
  /// be computed one after the other.
  template <Generator G>
  class Walk {
   public:
    Walk(const StyleOptimization& own, const G& source, const Tensor& image, const Stream& stream)
        : own_(own),
          o_(own.settings_),
          stream_(stream),
          generator_(source.clone()),
          target_(image.to(generator_.mean_style().options())) {
      if (o_.perceptual > 0) {
        const torch::NoGradGuard no_grad;
        seen_ = own_.features_(target_);
      }
      auto found = own_.starts(generator_, target_, seen_, stream);
      deviation_ = found.deviation;
      spread_ = found.spread;
      leaves_.put("styles", found.codes.clone().requires_grad_(true));
      count_ = styles().size(0);
      maps_ = own_.start_noise(generator_, count_, stream);
      for (std::size_t m = 0; m < maps_.size(); ++m) leaves_.put(join("noise.", m), maps_[m]);
      at_once_ = std::min(count_, o_.batch(generator_.resolution()));
    }

    /// Takes one step of Adam. Returns the perceptual and pixel terms of each start before the step, [S].
    Tensor step(std::int64_t done) {
      const double t = static_cast<double>(done) / static_cast<double>(o_.steps);
      const auto shaken = style_noise(done, t);
      std::vector<Tensor> gradients(leaves_.leaves().size()), losses;
      for (std::int64_t first = 0; first < count_; first += at_once_) {
        const auto n = std::min(at_once_, count_ - first);
        const auto found = piece_gradients(first, n, shaken, losses);
        for (std::size_t i = 0; i < found.size(); ++i)
          gradients[i] = gradients[i].defined() ? gradients[i] + found[i] : found[i];
      }
      const auto last = losses.size() == 1 ? losses.front() : torch::cat(losses);
      require(at::isfinite(last).all().template item<bool>(), "step ", done + 1,
              " of the inversion: the loss is not finite");
      const Adam adam{.rate = o_.rate * own_.ramp(t), .beta1 = 0.9, .beta2 = 0.999};
      if (adam.rate > 0) leaves_.update(adam, gradients);
      normalize_noise(maps_);
      return last;
    }

    /// Returns the start that is now lowest in perceptual and pixel terms.
    Inversion best() {
      const torch::NoGradGuard no_grad;
      std::vector<Tensor> ends;
      for (std::int64_t first = 0; first < count_; first += at_once_) {
        const auto n = std::min(at_once_, count_ - first);
        use_noise(first, n);
        ends.push_back(differences(styles().narrow(0, first, n)));
      }
      const auto end = torch::cat(ends).to(torch::kCPU, torch::kFloat64);
      const auto best = end.argmin().template item<std::int64_t>();
      const auto& w = styles();
      Inversion out;
      out.styles = w.detach().narrow(0, best, 1).expand({1, generator_.style_count(), w.size(2)}).contiguous();
      for (const auto& map : maps_) out.noise.push_back(map.detach()[best][0].clone());
      out.loss = end[best].template item<double>();
      out.start = static_cast<std::size_t>(best);
      return out;
    }

   private:
    const Tensor& styles() const { return leaves_["styles"]; }

    /// Returns the noise that is added to the styles while the walk is young, [S, 1 or L, D].
    Tensor style_noise(std::int64_t done, double t) const {
      const auto& w = styles();
      const double fade = std::max(0.0, 1 - t / o_.style_noise_ramp);
      const auto jitter = stream_at(stream_, done).normal(Purpose::inversion, {count_, w.size(1), w.size(2)}, 0, 1);
      return o_.style_noise * spread_ * fade * fade * jitter.to(w.options().requires_grad(false));
    }

    /// Returns the gradients of the loss of starts `first` to `first` + n - 1, one for each leaf; appends the
    /// starts' terms [n] to `losses`.
    std::vector<Tensor> piece_gradients(std::int64_t first, std::int64_t n, const Tensor& shaken,
                                        std::vector<Tensor>& losses) {
      use_noise(first, n);
      const auto codes = styles().narrow(0, first, n);
      auto loss = differences(codes + shaken.narrow(0, first, n));
      losses.push_back(loss.detach());
      if (o_.pull > 0) loss = loss + o_.pull * ((codes - generator_.mean_style()) / deviation_).square().mean({1, 2});
      if (!maps_.empty()) {
        std::vector<Tensor> shown;
        for (const auto& map : maps_) shown.push_back(map.narrow(0, first, n));
        loss = loss + o_.noise_weight * noise_regularization(shown);
      }
      return torch::autograd::grad({loss.sum()}, leaves_.list());
    }

    /// Returns the perceptual and pixel terms [n] of styles w or w+ [n, 1 or L, D].
    Tensor differences(const Tensor& codes) const {
      const auto images =
          generator_.synthesize(codes.expand({codes.size(0), generator_.style_count(), codes.size(2)}), Render{});
      return own_.differences(images, target_, seen_);
    }

    void use_noise(std::int64_t first, std::int64_t n) {
      if constexpr (requires(G & g) { g.use_noise(std::size_t{}, Tensor{}); })
        for (std::size_t m = 0; m < maps_.size(); ++m) generator_.use_noise(m, maps_[m].narrow(0, first, n));
    }

    const StyleOptimization& own_;
    const StyleOptimizationSettings& o_;
    const Stream& stream_;
    G generator_;
    Tensor target_, seen_;      // the picture, its features
    Tensor deviation_;          // [D]
    double spread_ = 0;         // as in Starts
    TrainedLeaves leaves_;      // "styles" [S, 1 or L, D], and the maps as "noise.<m>"
    std::vector<Tensor> maps_;  // [S, 1, r, r] each
    std::int64_t count_ = 0, at_once_ = 1;
  };

  /// Returns the perceptual and pixel terms [n] of images [n, 3, H, W]; `seen` are the features of `target`.
  Tensor differences(const Tensor& images, const Tensor& target, const Tensor& seen) const {
    auto loss = settings_.pixels * (images - target).square().mean({1, 2, 3});
    if (settings_.perceptual > 0) loss = loss + settings_.perceptual * feature_distance(features_(images), seen);
    return loss;
  }

  F features_;
  StyleOptimizationSettings settings_;
};

/// Returns a copy of the generator whose stored noise is the inversion's, where the inversion has noise.
template <Generator G>
G with_noise(const G& generator, const Inversion& inversion) {
  auto out = generator.clone();
  if (inversion.noise.empty()) return out;
  if constexpr (requires { out.use_noise(std::size_t{}, Tensor{}); }) {
    require(inversion.noise.size() == out.noise_map_count(), "the inversion has ", inversion.noise.size(),
            " noise maps, the generator takes ", out.noise_map_count());
    for (std::size_t m = 0; m < inversion.noise.size(); ++m) out.use_noise(m, inversion.noise[m]);
  } else {
    fail("this generator takes no noise maps");
  }
  return out;
}

}  // namespace nada
