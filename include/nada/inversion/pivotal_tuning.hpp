/// Tunes a generator a little, so that a picture's styles give the picture.
#pragma once
#include <torch/autograd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// PivotalTuningSettings say how PivotalTuning trains.
struct PivotalTuningSettings {
  std::int64_t steps = 100;
  double rate = 0.0003;               // Adam's learning rate
  double perceptual = 1, pixels = 1;  // weights of the two terms
  double locality = 0;                // weight of the same two terms between tuned and untuned pictures near the pivot
  double locality_distance = 1;       // distance of these pictures from the pivot, in root mean square of w
  Tensor labels = {};                 // [1, C], class of these pictures; undefined: the generator has no classes

  void check() const {
    require(steps >= 1, "pivotal tuning takes at least one step, found ", steps);
    require(std::isfinite(rate) && rate > 0, "the learning rate is ", rate, ", expected a number > 0");
    for (const auto weight : {perceptual, pixels, locality, locality_distance})
      require(std::isfinite(weight) && weight >= 0, "a weight of the tuning is ", weight, ", expected a number >= 0");
    require(perceptual + pixels > 0, "every term of the tuning has weight 0");
  }
};

/// PivotalTuning trains the convolutions and to-RGB layers with the styles held still (the pivot):
///     L   = d(G'(w_p), x) + locality d(G'(w_r), G(w_r)),   d = perceptual |f(.) - f(.)|^2 + pixels mean (. - .)^2
///     w_r = w_p + distance (w_z - w_p) / rms(w_z - w_p),   z is new in every step
/// Source:  Roich et al., Pivotal Tuning for Latent-based Editing of Real Images, arXiv:2106.05744, equations 3 to 6.
/// Errors:  an image of another size than the generator's; a loss that is not finite.
template <FeatureExtractor F>
class PivotalTuning {
 public:
  explicit PivotalTuning(F features, PivotalTuningSettings settings = {})
      : features_(std::move(features)), settings_(std::move(settings)) {
    settings_.check();
  }

  /// Returns the change of `source` that makes the styles of `pivot` give the image. Where the pivot has noise of its
  /// own, `source` must have that noise: see with_noise().
  template <Generator G>
  Delta tune(const G& source, const Tensor& image, const Inversion& pivot, const Stream& stream,
             const InversionProgress& progress = {}) const {
    check_image(source, image);
    const auto& o = settings_;
    auto tuned = source.clone();
    const auto options = tuned.mean_style().options();
    const auto target = image.to(options);
    const auto styles = pivot.styles.to(options);
    Tensor seen;
    if (o.perceptual > 0) {
      const torch::NoGradGuard no_grad;
      seen = features_(target);
    }
    auto leaves = train(tuned);
    const Adam adam{.rate = o.rate, .beta1 = 0.9, .beta2 = 0.999};
    for (std::int64_t step = 0; step < o.steps; ++step) {
      auto loss = difference(tuned.synthesize(styles, Render{}), target, seen);
      const auto value = loss.template item<double>();
      if (o.locality > 0) loss = loss + o.locality * near_pivot(source, tuned, styles, Stream{stream.seed, step});
      require(std::isfinite(value), "step ", step + 1, " of the tuning: the loss is not finite");
      const auto gradients =
          torch::autograd::grad({loss}, leaves.list(), {}, /*retain_graph=*/false, /*create_graph=*/false,
                                /*allow_unused=*/true);
      leaves.update(adam, gradients);
      if (progress && !progress(step + 1, o.steps, value)) break;
    }
    Delta out{base_hash(source), std::string(FullWeights::name), {}};
    for (const auto& [name, leaf] : leaves.leaves()) out.leaves[name] = leaf.detach();
    return out;
  }

 private:
  /// Puts leaves, by `<layer>.<slot>`, into the slots of the convolutions and to-RGB layers.
  template <Generator G>
  static TrainedLeaves train(G& tuned) {
    TrainedLeaves out;
    for (std::size_t k = 0; k < tuned.layers().size(); ++k) {
      const auto kind = tuned.layers()[k].kind;
      if (kind != LayerKind::convolution && kind != LayerKind::rgb) continue;
      for (std::size_t s = 0; s < tuned.layers()[k].slots.size(); ++s) {
        const auto name = tuned.layers()[k].name + "." + tuned.layers()[k].slots[s];
        out.put(name, tuned.slot(k, s).detach().clone().requires_grad_(true));
        tuned.use(k, s, out[name]);
      }
    }
    return out;
  }

  /// Returns the distance d; `features` are the features of `wanted`, undefined where the
  /// perceptual term has no weight.
  Tensor difference(const Tensor& images, const Tensor& wanted, const Tensor& features) const {
    auto loss = settings_.pixels * (images - wanted).square().mean();
    if (settings_.perceptual > 0)
      loss = loss + settings_.perceptual * feature_distance(features_(images), features).mean();
    return loss;
  }

  /// Returns the distance between tuned and untuned pictures at styles w_r near the pivot, which `stream` draws.
  template <Generator G>
  Tensor near_pivot(const G& source, const G& tuned, const Tensor& styles, const Stream& stream) const {
    Tensor near, wanted, features;
    {
      const torch::NoGradGuard no_grad;
      const auto z = stream.normal(Purpose::inversion, {1, source.latent_size()}, 0, 1);
      const auto away = source.map(z.to(styles.options()), settings_.labels) - styles;
      near = styles + settings_.locality_distance * away / away.square().mean().sqrt().clamp_min(1e-8);
      wanted = source.synthesize(near, Render{});
      if (settings_.perceptual > 0) features = features_(wanted);
    }
    return difference(tuned.synthesize(near, Render{}), wanted, features);
  }

  F features_;
  PivotalTuningSettings settings_;
};

}  // namespace nada
