// Bodies of style_encoder_training.hpp.
#pragma once
#include "nada/pretraining/style_encoder_training.hpp"

#include <torch/autograd.h>

#include <cmath>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/generators/latents.hpp"

namespace nada {

NADA_INLINE void SampleSettings::check() const {
  for (const auto share : {truncated, least_truncation, mixed})
    require(share >= 0 && share <= 1, "a share of the samples is ", share, ", expected a number in [0, 1]");
}

NADA_INLINE InverterBatch draw_samples(const AnyGenerator& generator, std::int64_t count,
                                       const SampleSettings& settings, const Stream& stream, const Render& render) {
  settings.check();
  const torch::NoGradGuard no_grad;
  const auto options = generator.options();
  const auto latents = [&](std::uint64_t sub) {
    return generator.map(stream.normal(Purpose::latents, {count, generator.latent_size()}, 0, sub).to(options));
  };
  const auto u = stream.uniform(Purpose::mixing, {count, 4});
  auto w = mix_styles(latents(0), latents(1), u.narrow(1, 0, 2), settings.mixed);
  const auto least = settings.least_truncation;
  const auto psi =
      at::where(u.select(1, 2) < settings.truncated, least + (1 - least) * u.select(1, 3), torch::ones({count}));
  const auto mean = generator.mean_style();
  w = (mean + psi.to(options).view({count, 1, 1}) * (w - mean)).contiguous();
  return {generator.synthesize(w, render).clamp(-1, 1), w};
}

NADA_INLINE void StyleEncoderTrainingSettings::check() const {
  adam.check();
  for (const auto weight : {pixels, tokens, latents, pull})
    require(std::isfinite(weight) && weight >= 0, "a weight of the style encoder's training is ", weight,
            ", expected a number >= 0");
  require(pixels + tokens + latents > 0, "every term of the style encoder's training has weight 0");
  require(token_share >= 0 && token_share <= 1, "the share of pictures whose tokens are compared is ", token_share,
          ", expected a number in [0, 1]");
  require(passes >= 1, "a style encoder takes at least one pass, found ", passes);
  require(clip > 0, "the largest norm of the gradients is ", clip, ", expected a number > 0");
}

NADA_INLINE StyleEncoderTraining::StyleEncoderTraining(AnyGenerator generator, const TensorMap& tensors,
                                                       AnyFeatureExtractor features,
                                                       StyleEncoderTrainingSettings settings)
    : generator_(std::move(generator)), features_(std::move(features)), settings_(settings) {
  settings_.check();
  require(settings_.tokens == 0 || features_, "a style encoder's training by tokens needs an encoder");
  auto trained = tensors;
  deviation_ = trained.at("style_encoder.deviation").clone();
  trained.erase("style_encoder.deviation");
  leaves_ = TrainedLeaves(trained);
  encoder().check_fits(generator_);
}

NADA_INLINE TensorMap StyleEncoderTraining::tensors() const {
  TensorMap out;
  for (const auto& [name, leaf] : leaves_.leaves()) out[name] = leaf.detach();
  out["style_encoder.deviation"] = deviation_;
  return out;
}

NADA_INLINE StyleEncoder StyleEncoderTraining::network(const TensorMap& tensors) const {
  return StyleEncoder(Weights(tensors, "the style encoder", torch::kFloat32, settings_.products), settings_.passes);
}

NADA_INLINE StyleEncoder StyleEncoderTraining::encoder() const {
  const auto held = tensors();
  return StyleEncoder(Weights(held, "the style encoder", torch::kFloat32), settings_.passes);
}

/// Pass is what goes from one pass into the next one: styles [N or 1, L, D] and what they give [N, 3, R, R].
struct StyleEncoderTraining::Pass {
  Tensor styles, made;
};

NADA_INLINE Tensor StyleEncoderTraining::pass_loss(const InverterBatch& batch, Pass& pass, bool last,
                                                   StyleEncoderStep& told) const {
  auto held = leaves_.leaves();
  held["style_encoder.deviation"] = deviation_;
  const auto w = pass.styles + deviation_ * network(held).step(batch.images, pass.made);
  Render render;
  render.convolutions = settings_.products;
  const auto made = generator_.synthesize(w, render).to(batch.images.scalar_type());
  const auto pixels = (made - batch.images).square().mean();
  const auto from_mean = ((w - generator_.mean_style()) / deviation_).square().mean();
  auto loss = settings_.pixels * pixels + settings_.pull * from_mean;
  if (batch.styles.defined() && batch.styles.size(0) > 0) {
    const auto known = batch.styles.size(0);
    const auto off = ((w.narrow(0, w.size(0) - known, known) - batch.styles) / deviation_).square().mean();
    loss = loss + settings_.latents * off;
    told.latents = off.item<double>();
  }
  if (last && settings_.tokens > 0) {
    const auto n = static_cast<std::int64_t>(std::ceil(settings_.token_share * static_cast<double>(w.size(0))));
    if (n > 0) {
      Tensor seen;
      {
        const torch::NoGradGuard no_grad;
        seen = features_(batch.images.narrow(0, 0, n));
      }
      const auto tokens = feature_distance(features_(made.narrow(0, 0, n)), seen).mean();
      loss = loss + settings_.tokens * tokens;
      told.tokens = tokens.item<double>();
    }
  }
  told.pixels = pixels.item<double>();
  told.distance = std::sqrt(from_mean.item<double>());
  pass = {w.detach(), made.detach().clamp(-1, 1)};
  return loss;
}

NADA_INLINE StyleEncoderStep StyleEncoderTraining::step(const InverterBatch& batch) {
  StyleEncoderStep told;
  Pass pass;
  {
    const torch::NoGradGuard no_grad;
    const auto mean = generator_.mean_style();
    pass.styles = mean.view({1, 1, -1}).expand({1, generator_.style_count(), mean.size(0)});
    pass.made = generator_.synthesize(pass.styles, Render{}).clamp(-1, 1).expand(batch.images.sizes());
  }
  std::vector<Tensor> gradients;
  for (std::int64_t p = 0; p < settings_.passes; ++p) {
    const auto loss = pass_loss(batch, pass, p + 1 == settings_.passes, told);
    told.loss += loss.item<double>();
    require(std::isfinite(told.loss), "step ", steps_ + 1, ": the style encoder's loss is not finite");
    const auto found = torch::autograd::grad({loss}, leaves_.list(), {}, {}, false, /*allow_unused=*/true);
    if (gradients.empty()) {
      gradients = found;
      continue;
    }
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i].defined()) gradients[i] = gradients[i].defined() ? gradients[i] + found[i] : found[i];
  }
  double energy = 0;
  for (const auto& g : gradients)
    if (g.defined()) energy += g.square().sum().item<double>();
  if (const double norm = std::sqrt(energy); norm > settings_.clip)
    for (auto& g : gradients)
      if (g.defined()) g = g * (settings_.clip / norm);
  leaves_.update(settings_.adam, gradients);
  ++steps_;
  return told;
}

NADA_INLINE TensorMap StyleEncoderTraining::state() const {
  TensorMap out;
  leaves_.save("inverter.", out);
  out["deviation"] = deviation_.clone();
  out["steps"] = torch::full({}, steps_, torch::kInt64);
  return out;
}

NADA_INLINE void StyleEncoderTraining::restore(const TensorMap& state, const std::string& what) {
  const auto found = state.find("deviation"), steps = state.find("steps");
  require(found != state.end() && steps != state.end() && found->second.sizes() == deviation_.sizes(), what,
          ": is no state of this style encoder's training");
  leaves_.load("inverter.", state, what);
  deviation_ = found->second.clone();
  steps_ = steps->second.item<std::int64_t>();
}

}  // namespace nada
