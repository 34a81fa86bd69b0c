/// Adversarial training of a StyleGAN2 generator.
/// Source:  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958.
#pragma once
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stateful.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/pretraining/adaptive_augmentation.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/gan_loss.hpp"
#include "nada/pretraining/regularizer.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// GeneratorShape holds the sizes of a new generator: channels at 4, 8, 16 ... pixels.
struct GeneratorShape {
  std::vector<std::int64_t> channels = {128, 128, 96, 48, 24};
  std::int64_t latents = 128, styles = 128, mapping_layers = 4;
};

/// Returns the tensors of a generator before training: weights N(0, 1) (equalised learning rate), the
/// weights of the mapping network divided by its rate 0.01, affine biases 1, other biases and noise
/// strengths 0. `stream` gives the numbers.
/// Source:  Karras et al., arXiv:1812.04948, appendix C.
NamedTensors initial_generator(const GeneratorShape& shape, const Stream& stream);

/// Returns the tensors of `start` with a new block at each doubled resolution above, of `channels` channels. The new
/// convolutions are random, by `stream`; their RGB layers are 0, so that the pictures are those of `start`, upsampled.
/// Errors:  a generator that is not of the skip form, or no channels in a block.
/// Source:  growing as in Karras et al., arXiv:1710.10196, with the skip sum in place of a fade.
NamedTensors grown_generator(const StyleGan2& start, const std::vector<std::int64_t>& channels, const Stream& stream);

/// Returns the names of the tensors of a generator's mapping, its constant and its blocks up to `side` pixels.
/// Errors:  a side that is no block of the generator.
std::set<std::string> coarse_tensors(const StyleGan2& generator, std::int64_t side);

/// DiscriminatorShape holds the sizes of a new residual discriminator: channels from the largest resolution down to 4
/// pixels, and `stem`, the side of the squares of pixels that are first folded into channels.
struct DiscriminatorShape {
  std::vector<std::int64_t> channels = {48, 96, 128, 192};
  std::int64_t stem = 2, group = 4;
  int resolution = 64;
};

/// Returns the tensors of a discriminator before training: weights N(0, 1), biases 0. `stream` gives the numbers.
/// Errors:  sizes that do not fit each other.
std::map<std::string, Tensor> initial_discriminator(const DiscriminatorShape& shape, const Stream& stream);

/// GeneratorTrainingSettings say how to train a generator.
struct GeneratorTrainingSettings {
  std::int64_t batch = 16;
  Adam generator{.rate = 0.0025}, discriminator{.rate = 0.0025};
  double mixing = 0;              // share of samples whose styles come from two latents
  double average_images = 10000;  // largest half-life of the running mean of the weights, in images
  double average_share = 0.05;    // largest half-life, as a share of the images seen so far
  double style_rate = 0.005;      // share of a batch's mean w in the mean style
  Noise noise = Noise::none;      // none, or fresh (then its strengths train)
  std::optional<torch::ScalarType> convolutions = {};  // type of the networks; penalties use the weights' type
  std::uint64_t seed = 0;
  std::set<std::string> held = {};  // tensors of the generator that do not train for the first `held_images` images
  std::int64_t held_images = 0;
  std::set<std::string> still = {};  // tensors of the generator that never train
};

/// GeneratorStep holds the numbers of one step.
struct GeneratorStep {
  double discriminator_loss = 0, generator_loss = 0;
  double real = 0, fake = 0;                                       // mean logits
  std::optional<double> discriminator_penalty, generator_penalty;  // unweighted, in the steps that had them
  std::optional<double> augmentation;                              // share() of the augmentation, where it has one
};

/// GeneratorTraining trains generator and discriminator in turn and keeps the running mean of the generator's weights,
/// which is the result. One batch of generated images serves both networks in a step: the discriminator moves first,
/// then the generator against the discriminator that has moved. The discriminator sees all images through the
/// augmentation. All random numbers are those of Stream{seed, step}, so that a training that was saved and loaded takes
/// the same steps as a training that was not interrupted.
template <class Loss, class D, class DiscriminatorPenalty, class GeneratorPenalty, class Augment = NoAugmentation>
class GeneratorTraining {
  static_assert(explain_gan_loss<Loss>() && explain_discriminator<D>() && explain_regularizer<DiscriminatorPenalty>() &&
                explain_regularizer<GeneratorPenalty>() && explain_adversarial_augmentation<Augment>());

 public:
  GeneratorTraining(NamedTensors generator, D discriminator, Loss loss, DiscriminatorPenalty discriminator_penalty,
                    GeneratorPenalty generator_penalty, GeneratorTrainingSettings settings, Augment augmentation = {})
      : settings_(settings),
        generator_(generator),
        average_(std::move(generator)),
        discriminator_(std::move(discriminator)),
        loss_(std::move(loss)),
        discriminator_penalty_(std::move(discriminator_penalty)),
        generator_penalty_(std::move(generator_penalty)),
        augmentation_(std::move(augmentation)) {
    if constexpr (requires { augmentation_.check(); }) augmentation_.check();
    settings_.generator.check();
    settings_.discriminator.check();
    require(settings_.batch >= 1, "a batch needs 1 image or more, found ", settings_.batch);
    require(settings_.mixing >= 0 && settings_.mixing <= 1, "mixing is ", settings_.mixing, ", expected 0 to 1");
    require(settings_.noise != Noise::stored, "training has no stored noise: none or fresh");
    auto values = generator_.tensors();
    values.erase("mean_style");
    if (settings_.noise == Noise::none)
      std::erase_if(values, [](const auto& item) { return item.first.ends_with(".noise_strength"); });
    generator_leaves_ = TrainedLeaves(values);
    discriminator_leaves_ = TrainedLeaves(discriminator_.tensors());
    mean_style_ = generator_.mean_style().clone();
    use_leaves();
  }

  /// Returns the generator with the running mean of the weights: the result of the training.
  const StyleGan2& average() const { return average_; }
  const D& discriminator() const { return discriminator_; }
  const Augment& augmentation() const { return augmentation_; }
  std::int64_t steps() const { return steps_; }
  std::int64_t images() const { return steps_ * settings_.batch; }  ///< real images seen
  const GeneratorTrainingSettings& settings() const { return settings_; }
  /// Sets both networks' learning rate from the next step on; the rate is not saved.
  void set_rate(double rate) {
    settings_.generator.rate = settings_.discriminator.rate = rate;
    settings_.generator.check();
  }

  /// Takes one step with real images [batch, 3, R, R] in [-1, 1].
  /// Errors:  another number or size of images; a loss or gradient that is not finite.
  GeneratorStep step(const Tensor& real) {
    require(real.size(0) == settings_.batch, "a batch of ", real.size(0), " images, expected ", settings_.batch);
    const Stream stream{settings_.seed, steps_ + 1};
    GeneratorStep out;
    Tensor real_logits;
    const auto type = settings_.convolutions;

    // First the discriminator takes its step.
    const auto w_plus = styles(stream, 0);
    const auto fake = generator_.synthesize(w_plus, render(stream));
    const auto changed = [&](const Tensor& images, std::uint64_t sub) { return augmentation_(images, stream, sub); };
    {
      const auto on_real = discriminator_(changed(real, 0), {}, type),
                 on_fake = discriminator_(changed(fake.detach(), 1), {}, type);
      const auto loss = loss_.discriminator(on_real, on_fake);
      out.discriminator_loss = finite(loss, "discriminator's");
      out.real = on_real.mean().template item<double>();
      out.fake = on_fake.mean().template item<double>();
      real_logits = on_real.detach();
      const auto adam = lazy(settings_.discriminator, discriminator_penalty_.every);
      discriminator_leaves_.update(adam, torch::autograd::grad({loss}, discriminator_leaves_.list()));
      if (due(discriminator_penalty_)) {
        const auto penalty = discriminator_penalty_(
            [&](const Tensor& x) { return discriminator_(changed(x, 0), {}, std::nullopt); }, real);
        out.discriminator_penalty = finite(penalty, DiscriminatorPenalty::name);
        discriminator_leaves_.update(adam, gradients(penalty * scale(discriminator_penalty_), discriminator_leaves_));
      }
    }

    // Then the generator takes its step.
    const auto loss = loss_.generator(discriminator_(changed(fake, 2), {}, type));
    out.generator_loss = finite(loss, "generator's");
    const auto adam = lazy(settings_.generator, generator_penalty_.every);
    generator_leaves_.update(adam, without_held(gradients(loss, generator_leaves_)));
    {
      const torch::NoGradGuard no_grad;
      mean_style_.lerp_(w_plus.select(1, 0).mean(0), settings_.style_rate);
    }
    if (due(generator_penalty_)) {
      const auto w = styles(stream, 2);
      auto exact = render(stream);
      exact.convolutions = {};
      const auto images = generator_.synthesize(w, exact);
      const auto noise = stream.normal(Purpose::noise, images.sizes(), 0, 1000);
      const auto penalty = generator_penalty_(w, images, noise);
      out.generator_penalty = finite(penalty, GeneratorPenalty::name);
      generator_leaves_.update(adam, without_held(gradients(penalty * scale(generator_penalty_), generator_leaves_)));
    }
    out.augmentation = augmentation_.share();
    augmentation_.observe(real_logits);
    ++steps_;
    follow();
    return out;
  }

  /// All that the next step depends on.
  TensorMap state() const {
    TensorMap out;
    generator_leaves_.save("generator.", out);
    discriminator_leaves_.save("discriminator.", out);
    for (const auto& [name, value] : average_.tensors()) out["average." + name] = value;
    out["mean_style"] = mean_style_;
    save_part("penalty.discriminator.", discriminator_penalty_, out);
    save_part("penalty.generator.", generator_penalty_, out);
    save_part("augmentation.", augmentation_, out);
    out["steps"] = torch::full({}, steps_, torch::kInt64);
    return out;
  }
  /// Continues from a state, which errors call `what`.
  /// Errors:  a state of another training.
  void restore(const TensorMap& state, const std::string& what) {
    const auto at = [&](const std::string& name) -> const Tensor& {
      const auto found = state.find(name);
      require(found != state.end(), what, ": tensor ", name, " is missing");
      return found->second;
    };
    generator_leaves_.load("generator.", state, what);
    discriminator_leaves_.load("discriminator.", state, what);
    NamedTensors average;
    for (const auto& [name, value] : average_.tensors()) average[name] = at("average." + name).clone();
    average_ = StyleGan2(std::move(average), what, average_.settings());
    mean_style_ = at("mean_style").clone();
    restore_part("penalty.discriminator.", discriminator_penalty_, state, what);
    restore_part("penalty.generator.", generator_penalty_, state, what);
    restore_part("augmentation.", augmentation_, state, what);
    steps_ = at("steps").template item<std::int64_t>();
    use_leaves();
  }

 private:
  /// Leaves the gradients of the tensors undefined that stand still, and those of the held ones as long as they are held.
  std::vector<Tensor> without_held(std::vector<Tensor> gradients) const {
    const bool holding = images() < settings_.held_images;
    std::size_t i = 0;
    for (const auto& [name, leaf] : generator_leaves_.leaves()) {
      if (settings_.still.contains(name) || (holding && settings_.held.contains(name))) gradients[i] = Tensor{};
      ++i;
    }
    return gradients;
  }
  static double finite(const Tensor& loss, std::string_view whose) {
    const auto value = loss.item<double>();
    require(std::isfinite(value), "the ", whose, " loss is not finite");
    return value;
  }
  static std::vector<Tensor> gradients(const Tensor& loss, const TrainedLeaves& leaves) {
    return torch::autograd::grad({loss}, leaves.list(), {}, {}, false, /*allow_unused=*/true);
  }
  template <class Penalty>
  bool due(const Penalty& penalty) const {
    return penalty.every > 0 && steps_ % penalty.every == 0;
  }
  template <class Penalty>
  static double scale(const Penalty& penalty) {
    return penalty.weight() * static_cast<double>(penalty.every);
  }

  Render render(const Stream& stream) const {
    Render out;
    out.noise = settings_.noise;
    out.stream = stream;
    out.convolutions = settings_.convolutions;
    return out;
  }

  /// Returns styles w+ [batch, L, D] of fresh latents, mixed where `mixing` says so.
  Tensor styles(const Stream& stream, std::uint64_t sub) const {
    const auto n = settings_.batch;
    const auto draw = [&](std::uint64_t which) {
      return generator_.map(stream.normal(Purpose::latents, {n, generator_.latent_size()}, 0, which));
    };
    const auto w = draw(sub);
    if (settings_.mixing == 0) return w;
    return mix_styles(w, draw(sub + 1), stream.uniform(Purpose::mixing, {n, 2}, 0, sub), settings_.mixing);
  }

  /// Makes the generator and the discriminator compute with the leaves.
  void use_leaves() {
    for (std::size_t k = 0; k < generator_.layers().size(); ++k)
      for (std::size_t s = 0; s < generator_.layers()[k].slots.size(); ++s) {
        const auto name = generator_.layers()[k].name + "." + generator_.layers()[k].slots[s];
        if (generator_leaves_.has(name)) generator_.use(k, s, generator_leaves_[name]);
      }
    for (const auto& [name, leaf] : discriminator_leaves_.leaves()) discriminator_.use(name, leaf);
  }

  /// Moves the running mean toward the weights, by the share that its half-life gives.
  void follow() {
    const torch::NoGradGuard no_grad;
    const double half = std::min(settings_.average_images, settings_.average_share * static_cast<double>(images()));
    const double keep = std::pow(0.5, static_cast<double>(settings_.batch) / std::max(half, 1e-8));
    for (auto& [name, value] : average_.tensors()) {
      const auto& now = name == "mean_style"          ? mean_style_
                        : generator_leaves_.has(name) ? generator_leaves_[name]
                                                      : value;
      value.lerp_(now.detach(), 1 - keep);  // shares its memory with the generator
    }
  }

  GeneratorTrainingSettings settings_;
  StyleGan2 generator_, average_;
  D discriminator_;
  Loss loss_;
  DiscriminatorPenalty discriminator_penalty_;
  GeneratorPenalty generator_penalty_;
  Augment augmentation_;
  TrainedLeaves generator_leaves_, discriminator_leaves_;
  Tensor mean_style_;
  std::int64_t steps_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/generator_training.ipp"
#endif
