// Bodies of encoder_training.hpp.
#pragma once
#include "nada/pretraining/encoder_training.hpp"

#include <torch/autograd.h>

#include <cmath>
#include <map>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/pretraining/contrastive.hpp"
#include "nada/pretraining/partial_change.hpp"

namespace nada {

namespace detail {

/// DifferentCaptions are the captions of a batch, each different caption once.
struct DifferentCaptions {
  std::vector<std::string> texts;
  Tensor which;  // [N] int64, the place of each picture's caption in `texts`
};

NADA_INLINE DifferentCaptions different_captions(const std::vector<std::string>& captions) {
  std::map<std::string, std::int64_t> numbers;
  std::vector<std::int64_t> which;
  DifferentCaptions out;
  for (const auto& caption : captions) {
    const auto [found, fresh] = numbers.emplace(caption, static_cast<std::int64_t>(out.texts.size()));
    if (fresh) out.texts.push_back(caption);
    which.push_back(found->second);
  }
  out.which = torch::tensor(which);
  return out;
}

/// Returns the texts of all columns, one column after the other.
NADA_INLINE std::vector<std::string> names_of(const std::vector<NamedColumn>& columns) {
  std::vector<std::string> out;
  for (const auto& column : columns) out.insert(out.end(), column.texts.begin(), column.texts.end());
  return out;
}

/// ReadTexts are the features that the encoder gives a batch's texts.
struct ReadTexts {
  Tensor captions;  // [different captions, E]
  Tensor names;     // [texts of all columns, E]; undefined where columns do not count
  Tensor scale;     // [], exp(logit_scale)

  ReadTexts detached() const {
    return {captions.detach(), names.defined() ? names.detach() : Tensor(), scale.detach()};
  }
};

/// EncoderLosses are the four terms of a step, unweighted.
struct EncoderLosses {
  Tensor contrastive, step, naming, mix;
};

/// EncoderObjective is the loss that a step minimises, for one batch.
struct EncoderObjective {
  const CaptionedBatch& batch;
  const EncoderTrainingSettings& settings;
  const Tensor& caption;        // [N] int64, as DifferentCaptions::which
  const PartialChanges& mixed;  // K pictures, after the batch's own pictures

  /// Computes the terms. `seen` [N + K, E] are the pictures' unit features.
  EncoderLosses operator()(const Tensor& seen, const ReadTexts& texts) const {
    const auto n = batch.images.size(0);
    const auto u = seen.narrow(0, 0, n), t = texts.captions.index_select(0, caption);
    const auto in_part = seen.narrow(0, n, mixed.count());
    auto naming = torch::zeros({}, u.options()), mix = naming;
    std::int64_t first = 0;
    if (texts.names.defined())
      for (const auto& column : batch.columns) {
        const auto count = static_cast<std::int64_t>(column.texts.size());
        const auto among = texts.names.narrow(0, first, count);
        const auto columns = static_cast<double>(batch.columns.size());
        naming = naming + naming_loss(u, among, column.truth, texts.scale) / columns;
        if (mixed.count() > 0) mix = mix + mix_loss(in_part, among, column.truth, texts.scale) / columns;
        first += count;
      }
    if (mixed.count() > 0) mix = settings.column_weight * mix + mix_loss(in_part, texts.captions, caption, texts.scale);
    return {contrastive_loss(u, t, caption, texts.scale), step_loss(u, t, batch.pairs), naming, mix};
  }

  Tensor sum(const EncoderLosses& l) const {
    return l.contrastive + settings.step_weight * l.step + settings.column_weight * l.naming +
           settings.mix_weight * l.mix;
  }

 private:
  Tensor mix_loss(const Tensor& in_part, const Tensor& among, const Tensor& truth, const Tensor& scale) const {
    return mixed_naming_loss(in_part, among, truth.index_select(0, mixed.from), truth.index_select(0, mixed.to),
                             mixed.share, scale);
  }
};

/// Returns the pictures after one step up their own loss: by uniform(0, radius) along each picture's gradient.
NADA_INLINE Tensor adversarial(const AnyClip& clip, const Tensor& images, const EncoderObjective& objective,
                               const ReadTexts& texts, const Stream& stream) {
  const auto leaf = images.clone().requires_grad_(true);
  const auto found = objective(clip.see(leaf).unit, texts);
  const auto gradient = torch::autograd::grad({objective.sum(found)}, {leaf})[0];
  const auto length = gradient.norm(2, at::IntArrayRef{1, 2, 3}, true).clamp_min(1e-12);
  const auto far = objective.settings.radius * stream.uniform(Purpose::views, {images.size(0), 1, 1, 1}, 0, 3);
  return (images + far * gradient / length).clamp(-1, 1);
}

}  // namespace detail

NADA_INLINE EncoderTraining::EncoderTraining(const TensorMap& tensors, ClipSettings clip,
                                             EncoderTrainingSettings settings)
    : clip_(std::move(clip)), settings_(std::move(settings)) {
  settings_.adam.check();
  require(clip_.tokenizer.has_value(), "training an encoder needs a vocabulary");
  TensorMap trained;
  for (const auto& [name, value] : tensors)
    (is_statistic(name) ? statistics_ : trained)[name] = value.detach().clone().contiguous();
  leaves_ = TrainedLeaves(trained);
  (void)encoder(false);  // refuses tensors that do not fit
}

NADA_INLINE void EncoderTraining::set(const EncoderTrainingSettings& settings) {
  settings.adam.check();
  settings_ = settings;
}

NADA_INLINE TensorMap EncoderTraining::tensors() const {
  auto out = statistics_;
  for (const auto& [name, leaf] : leaves_.leaves()) out[name] = leaf.detach();
  return out;
}

NADA_INLINE AnyClip EncoderTraining::encoder() const {
  const torch::NoGradGuard no_grad;
  return encoder(false);
}

NADA_INLINE EncoderStep EncoderTraining::step(const CaptionedBatch& batch) {
  const auto n = batch.images.size(0);
  require(static_cast<std::int64_t>(batch.captions.size()) == n && batch.unit.size(0) == n, "a batch of ", n,
          " pictures with ", batch.captions.size(), " captions");
  const Stream stream{settings_.seed, steps_ + 1};
  const auto clip = encoder(true);

  const auto captions = detail::different_captions(batch.captions);
  const auto names = settings_.column_weight > 0 ? detail::names_of(batch.columns) : std::vector<std::string>();
  detail::ReadTexts texts;
  texts.captions = clip.read(clip.tokenize(captions.texts));
  if (!names.empty()) texts.names = clip.read(clip.tokenize(names));
  texts.scale = leaves_["logit_scale"].exp();
  Tensor images;
  PartialChanges mixed;
  {
    const torch::NoGradGuard no_grad;
    images = settings_.augmentation(batch.images, batch.unit, stream);
    if (settings_.mix_weight > 0) mixed = change_partly(images, batch.unit, stream);
    if (mixed.count() > 0) images = at::cat({images, mixed.images});
  }
  const detail::EncoderObjective objective{batch, settings_, captions.which, mixed};
  if (settings_.radius > 0) images = detail::adversarial(clip, images, objective, texts.detached(), stream);
  const auto found = objective(clip.see(images).unit, texts);
  const auto loss = objective.sum(found);
  require(std::isfinite(loss.item<double>()), "the encoder's loss is not finite");
  const auto gradients = torch::autograd::grad({loss}, leaves_.list(), {}, {}, false, /*allow_unused=*/true);
  leaves_.update(settings_.adam, gradients, [&](const std::string& name) {
    return leaves_[name].dim() >= 2 && !name.ends_with("positional_embedding") ? settings_.weight_decay : 0.0;
  });
  {
    const torch::NoGradGuard no_grad;
    Tensor(leaves_["logit_scale"]).clamp_(0, std::log(100.0));  // as in CLIP
  }
  ++steps_;
  return {.contrastive = found.contrastive.item<double>(),
          .step = found.step.item<double>(),
          .naming = found.naming.item<double>(),
          .mix = found.mix.item<double>(),
          .scale = texts.scale.item<double>()};
}

NADA_INLINE TensorMap EncoderTraining::state() const {
  TensorMap out;
  leaves_.save("encoder.", out);
  for (const auto& [name, value] : statistics_) out["statistics." + name] = value;
  out["steps"] = torch::full({}, steps_, torch::kInt64);
  return out;
}

NADA_INLINE void EncoderTraining::restore(const TensorMap& state, const std::string& what) {
  leaves_.load("encoder.", state, what);
  for (auto& [name, value] : statistics_) {
    const auto found = state.find("statistics." + name);
    require(found != state.end() && found->second.sizes() == value.sizes(), what, ": tensor statistics.", name,
            " is missing or of another shape");
    value.copy_(found->second);
  }
  require(state.count("steps") > 0, what, ": tensor steps is missing");
  steps_ = state.at("steps").item<std::int64_t>();
}

NADA_INLINE AnyClip EncoderTraining::encoder(bool training) const {
  auto all = statistics_;  // shares memory: batch norms update the statistics in place
  for (const auto& [name, leaf] : leaves_.leaves()) all[name] = leaf;
  auto settings = clip_;
  settings.training = training;
  if (training) settings.products = settings_.products;
  return make_clip(all, "encoder", std::move(settings));
}

}  // namespace nada
