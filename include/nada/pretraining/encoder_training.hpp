/// Contrastive training of a CLIP, robust against small changes of the pictures.
/// Sources: Radford et al., arXiv:2103.00020 (the loss); Madry et al., arXiv:1706.06083 (adversarial training);
/// Santurkar et al., arXiv:1906.09453 (why: the gradients of robust networks draw what a person would); Yun et al.,
/// arXiv:1905.04899 (pictures that are changed in a part).
#pragma once
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/augmentation.hpp"
#include "nada/pretraining/contrastive.hpp"
#include "nada/pretraining/partial_change.hpp"
#include "nada/pretraining/trained_tensors.hpp"

namespace nada {

/// How to train.
struct EncoderTrainingSettings {
  Adam adam{.rate = 0.001, .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-6};
  double weight_decay = 0.05;  // of matrices and kernels, not of biases, gains and the temperature
  double step_weight = 1;      // of the term that aligns steps
  double column_weight = 1;    // of the term that names pictures among the texts of a column
  double mix_weight = 0;       // of the term for pictures that are changed in a part; 0: none are made
  double radius = 0;           // of the adversarial changes, L2 in [-1, 1] units; 0: none
  Augmentation augmentation = {};
  std::optional<torch::ScalarType> products = {};  // what matrix products and convolutions compute in
  std::uint64_t seed = 0;
};

/// The texts of one aspect, such as hair, and which of them each picture of a batch has.
struct NamedColumn {
  std::vector<std::string> texts;
  Tensor truth;  // [N] int64, the place of each picture's text; -1: it has none
};

/// Pictures with a caption each.
struct CaptionedBatch {
  Tensor images;                      // [N, 3, R, R] in [-1, 1]
  std::vector<std::string> captions;  // N
  Tensor unit;                        // [N], index of the first picture of the same content
  std::vector<std::pair<std::int64_t, std::int64_t>>
      pairs;  // of one content, whose captions say the same but for the step
  std::vector<NamedColumn> columns = {};
};

struct EncoderStep {
  double contrastive = 0, step = 0, naming = 0, mix = 0;  // unweighted, of the pictures that were trained on
  double scale = 0;                                       // exp(logit_scale)
};

/// Trains all tensors of a CLIP. Every batch is augmented; with a `mix_weight`, each pair of one content lends a
/// picture that is changed in a part, to be named by both captions as far as it is changed: an encoder that never saw
/// one takes a white face for a ghost, whatever hair and ground are. Then, with a radius, all are replaced by one step
/// up their own loss: by uniform(0, radius) in the direction of each picture's gradient. Random numbers are those of
/// Stream{seed, step}.
class EncoderTraining {
 public:
  /// `tensors` with OpenAI's names; `settings` of the encoder need a vocabulary.
  EncoderTraining(const TensorMap& tensors, ClipSettings clip, EncoderTrainingSettings settings)
      : clip_(std::move(clip)), settings_(std::move(settings)) {
    settings_.adam.check();
    require(clip_.tokenizer.has_value(), "training an encoder needs a vocabulary");
    TensorMap trained;
    for (const auto& [name, value] : tensors)
      (is_statistic(name) ? statistics_ : trained)[name] = value.detach().clone().contiguous();
    leaves_ = TrainedTensors(trained);
    (void)encoder(false);  // refuses tensors that do not fit
  }

  std::int64_t steps() const { return steps_; }
  const ClipSettings& clip() const { return clip_; }
  /// How the next steps train; not saved.
  void set(const EncoderTrainingSettings& settings) {
    settings.adam.check();
    settings_ = settings;
  }

  /// The tensors as they are now, detached.
  TensorMap tensors() const {
    auto out = statistics_;
    for (const auto& [name, leaf] : leaves_.leaves()) out[name] = leaf.detach();
    return out;
  }
  /// The encoder as it is now, for seeing.
  AnyClip encoder() const {
    const torch::NoGradGuard no_grad;
    return encoder(false);
  }

  /// One step. Errors: pictures and captions that do not match; a loss that is not finite.
  EncoderStep step(const CaptionedBatch& batch) {
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

  /// All that the next step depends on.
  void save(const std::filesystem::path& path) const {
    TensorMap out;
    leaves_.save("encoder.", out);
    for (const auto& [name, value] : statistics_) out["statistics." + name] = value;
    out["steps"] = torch::full({}, steps_, torch::kInt64);
    save_tensors(path, out, {{"nada.kind", "state"}, {"nada.format", std::string(format_version)}});
  }
  /// Errors: a file of another training.
  void load(const std::filesystem::path& path) {
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

 private:
  static bool is_statistic(const std::string& name) {
    return name.ends_with(".running_mean") || name.ends_with(".running_var");
  }
  AnyClip encoder(bool training) const {
    auto all = statistics_;  // shares memory: batch norms move them in place
    for (const auto& [name, leaf] : leaves_.leaves()) all[name] = leaf;
    auto settings = clip_;
    settings.training = training;
    if (training) settings.products = settings_.products;
    return make_clip(all, "encoder", std::move(settings));
  }

  ClipSettings clip_;
  EncoderTrainingSettings settings_;
  TensorMap statistics_;
  TrainedTensors leaves_;
  std::int64_t steps_ = 0;
};

}  // namespace nada
