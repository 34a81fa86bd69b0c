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

NADA_INLINE EncoderTraining::EncoderTraining(const TensorMap& tensors, ClipSettings clip,
                                             EncoderTrainingSettings settings)
    : clip_(std::move(clip)), settings_(std::move(settings)) {
  settings_.adam.check();
  require(clip_.tokenizer.has_value(), "training an encoder needs a vocabulary");
  TensorMap trained;
  for (const auto& [name, value] : tensors)
    (is_statistic(name) ? statistics_ : trained)[name] = value.detach().clone().contiguous();
  leaves_ = TrainedTensors(trained);
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

  // Each different caption is read once.
  std::map<std::string, std::int64_t> numbers;
  std::vector<std::string> different;
  std::vector<std::int64_t> which;
  for (const auto& caption : batch.captions) {
    const auto [found, fresh] = numbers.emplace(caption, static_cast<std::int64_t>(different.size()));
    if (fresh) different.push_back(caption);
    which.push_back(found->second);
  }
  const auto caption = torch::tensor(which);
  const auto read = clip.read(clip.tokenize(different));  // [different captions, E]
  std::vector<std::string> names;
  if (settings_.column_weight > 0)
    for (const auto& column : batch.columns) names.insert(names.end(), column.texts.begin(), column.texts.end());
  const auto read_names = names.empty() ? Tensor() : clip.read(clip.tokenize(names));  // [all texts, E]
  const auto scale = leaves_["logit_scale"].exp();
  Tensor images;
  PartialChanges mixed;
  {
    const torch::NoGradGuard no_grad;
    images = settings_.augmentation(batch.images, batch.unit, stream);
    if (settings_.mix_weight > 0) mixed = change_partly(images, batch.unit, stream);
    if (mixed.count() > 0) images = at::cat({images, mixed.images});
  }
  struct Losses {
    Tensor contrastive, step, naming, mix;
  };
  const auto losses = [&](const Tensor& all, const Tensor& r, const Tensor& c, const Tensor& s) -> Losses {
    const auto u = all.narrow(0, 0, n), t = r.index_select(0, caption);
    const auto in_part = all.narrow(0, n, mixed.count());
    const auto mix = [&](const Tensor& among, const Tensor& truth) {
      return mixed_naming_loss(in_part, among, truth.index_select(0, mixed.from), truth.index_select(0, mixed.to),
                               mixed.share, s);
    };
    auto naming = torch::zeros({}, u.options()), mix_naming = naming;
    std::int64_t first = 0;
    if (!names.empty())
      for (const auto& column : batch.columns) {
        const auto count = static_cast<std::int64_t>(column.texts.size());
        const auto among = c.narrow(0, first, count);
        const auto columns = static_cast<double>(batch.columns.size());
        naming = naming + naming_loss(u, among, column.truth, s) / columns;
        if (mixed.count() > 0) mix_naming = mix_naming + mix(among, column.truth) / columns;
        first += count;
      }
    if (mixed.count() > 0) mix_naming = settings_.column_weight * mix_naming + mix(r, caption);
    return {contrastive_loss(u, t, caption, s), step_loss(u, t, batch.pairs), naming, mix_naming};
  };
  const auto sum = [&](const Losses& l) {
    return l.contrastive + settings_.step_weight * l.step + settings_.column_weight * l.naming +
           settings_.mix_weight * l.mix;
  };
  if (settings_.radius > 0) {
    const auto leaf = images.clone().requires_grad_(true);
    const auto found =
        losses(clip.see(leaf).unit, read.detach(), names.empty() ? Tensor() : read_names.detach(), scale.detach());
    auto gradient = torch::autograd::grad({sum(found)}, {leaf})[0];
    const auto length = gradient.norm(2, at::IntArrayRef{1, 2, 3}, true).clamp_min(1e-12);
    const auto far = settings_.radius * stream.uniform(Purpose::views, {images.size(0), 1, 1, 1}, 0, 3);
    images = (images + far * gradient / length).clamp(-1, 1);
  }
  const auto found = losses(clip.see(images).unit, read, read_names, scale);
  const auto loss = sum(found);
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
          .scale = scale.item<double>()};
}

NADA_INLINE void EncoderTraining::save(const std::filesystem::path& path) const {
  TensorMap out;
  leaves_.save("encoder.", out);
  for (const auto& [name, value] : statistics_) out["statistics." + name] = value;
  out["steps"] = torch::full({}, steps_, torch::kInt64);
  save_tensors(path, out, {{"nada.kind", "state"}, {"nada.format", std::string(format_version)}});
}

NADA_INLINE void EncoderTraining::load(const std::filesystem::path& path) {
  const auto in = to_tensors(Safetensors::open(path));
  const auto what = path.string();
  leaves_.load("encoder.", in, what);
  for (auto& [name, value] : statistics_) {
    const auto found = in.find("statistics." + name);
    require(found != in.end() && found->second.sizes() == value.sizes(), what, ": tensor statistics.", name,
            " is missing or of another shape");
    value.copy_(found->second);
  }
  require(in.count("steps") > 0, what, ": tensor steps is missing");
  steps_ = in.at("steps").item<std::int64_t>();
}

NADA_INLINE AnyClip EncoderTraining::encoder(bool training) const {
  auto all = statistics_;  // shares memory: batch norms move them in place
  for (const auto& [name, leaf] : leaves_.leaves()) all[name] = leaf;
  auto settings = clip_;
  settings.training = training;
  if (training) settings.products = settings_.products;
  return make_clip(all, "encoder", std::move(settings));
}

}  // namespace nada
