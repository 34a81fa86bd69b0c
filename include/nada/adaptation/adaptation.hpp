/// The adaptation: its step, and the state that it keeps from step to step.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/adaptation/anchor.hpp"
#include "nada/adaptation/anchor_pool.hpp"
#include "nada/adaptation/bound_objective.hpp"
#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/leaf_gradients.hpp"
#include "nada/adaptation/make_delta.hpp"
#include "nada/adaptation/make_probe.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/parts.hpp"
#include "nada/adaptation/restored_leaves.hpp"
#include "nada/adaptation/running_mean.hpp"
#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/shared_batch.hpp"
#include "nada/adaptation/split_batch.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/adaptation/training_policy.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stateful.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/training/moments.hpp"
#include "nada/training/optimizer.hpp"
#include "nada/training/trained_leaves.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// Adaptation<Generator, EncoderSet, Shift, Objective, LayerSelector, Parameterization, Views, Exit, Training> moves a
/// copy of a generator along a shift. One step is: choose layers -> latents -> anchor and adapted images -> views ->
/// features -> terms -> gradients of the chosen leaves -> optimizer.
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946.
/// Why:     an Adaptation cannot be copied or moved, because bound terms refer to its encoders.
template <class G, class Es, class S, class O, class Sel, class P = FullWeights, class V = Plain, class X = FullSize,
          class Training = OwnTraining>
class Adaptation final : public Stepper {
  static_assert(explain_generator<G>() && explain_encoder_set<Es>() && explain_selector<Sel>() &&
                explain_parameterization<P>() && explain_views<V>());
  static_assert(Exit<X>, "Exit: add `int resolution(int full_resolution) const` (docs/policies.md#views)");

 public:
  /// `training` is OwnTraining, or OfficialTraining with the official code's deviations. `start` holds the weights that
  /// the adapted generator starts from, where they are not the source's.
  Adaptation(G source, Es encoders, S shift, O objective, Sel selector = {}, P parameterization = {}, V views = {},
             X exit = {}, AdaptationSettings settings = {}, Training training = {}, const std::optional<G>& start = {})
      : source_(std::move(source)),
        adapted_((start ? *start : source_).clone()),
        encoders_(std::move(encoders)),
        shift_(std::move(shift)),
        objective_(std::move(objective), settings.logged, settings.weights),
        selector_(std::move(selector)),
        views_(std::move(views)),
        exit_(std::move(exit)),
        settings_(checked(std::move(settings))),
        training_(std::move(training)),
        optimizer_(settings_.chosen_optimizer()),
        mean_(settings_.half_life),
        candidates_(adapted_, std::move(parameterization), exit_.resolution(source_.resolution()), settings_.seed),
        pool_(settings_.anchor_pool, settings_.batch, parts_of_batch(settings_, objective_.is_per_sample()).size()) {
    objective_.require_parts(settings_.micro_batch, settings_.ranks.size());
    if (settings_.split > 1) objective_.tell_whole_batch();
    bind();
  }

  /// Makes the adaptation of these parts.
  explicit Adaptation(AdaptationParts<G, Es, S, O, Sel, P, V, X> parts, Training training = {})
      : Adaptation(std::move(parts.source), std::move(parts.encoders), std::move(parts.shift),
                   std::move(parts.objective), std::move(parts.selector), std::move(parts.parameterization),
                   std::move(parts.views), std::move(parts.exit), std::move(parts.settings), std::move(training)) {}

  const G& source() const { return source_; }
  const G& adapted() const { return adapted_; }  ///< effective tensors of the last step, without graph
  /// Returns the generator whose images the adapted images are compared with: the source, unless
  /// the shift has moved the anchor.
  const G& anchor() const { return anchor_.generator(source_); }
  const LayerSet& candidates() const { return candidates_.all(); }
  const std::vector<Endpoints>& endpoints() const { return objective_.endpoints(); }  ///< for encoders of weight > 0
  /// Returns the moments that the optimizer keeps of each leaf that it has moved.
  std::map<std::string, Moments> moments() const {
    std::map<std::string, Moments> out;
    for (const auto& [name, leaf] : leaves_.leaves())
      if (leaves_.moments(name).steps > 0) out[name] = leaves_.moments(name);
    return out;
  }
  Probe probe(const Stream& stream) const override {
    auto rendered = render(stream, Draw::selection);
    if (const int exit = settings_.selection_exit; exit > 0 && exit < resolution()) rendered.resolution = exit;
    return make_probe(ProbedRun<G, Es, P, Training>{adapted_, mapper(), encoders_, selection_targets_, candidates_,
                                                    leaves_, training_, settings_, rendered},
                      stream);
  }
  /// Returns the SHA-256 of the weights that the adapted generator started from.
  const std::string& base_hash() const {
    if (base_hash_.empty()) {
      auto base = adapted_.clone();
      candidates_.put_base(base);
      base_hash_ = nada::base_hash(base);
    }
    return base_hash_;
  }

  Report step(std::int64_t total = 0) override {
    const double begin = seconds_now();
    const Stream stream{settings_.seed, step_};
    move_anchor_if_due();
    Attempt attempt(*this);
    const auto chosen = choose(stream);
    const auto sum = sum_of_batch(chosen);
    move_leaves(sum.gradients);
    candidates_.put_effective(adapted_, stepping_, leaves_, /*graph=*/false);
    attempt.succeeded();
    ++step_;
    return {step_, total, sum.loss, sum.terms, seconds_now() - begin, chosen};
  }

  std::int64_t steps_done() const override { return step_; }
  bool agree_to_stop(bool wanted) const override { return settings_.ranks.any(wanted); }
  std::vector<std::string_view> term_names() const override { return objective_.names(); }
  LayerSet preview() const override {
    auto selector = selector_;
    return selector.select(probe({settings_.seed, step_}));
  }
  int resolution() const override { return exit_.resolution(source_.resolution()); }
  std::span<const Layer> layers() const override { return source_.layers(); }
  std::int64_t parameters(std::size_t layer) const override { return parameter_count(source_, layer); }
  std::int64_t trained_parameters() const override { return leaves_.count(); }
  std::int64_t latent_size() const override { return source_.latent_size(); }
  std::int64_t style_count() const override { return source_.style_count(); }
  Tensor source_images(const Tensor& z, bool whole = false) const override { return images(source_, z, whole); }
  Tensor adapted_images(const Tensor& z, bool whole = false) const override { return images(shown(), z, whole); }

  Delta delta() const override {
    return make_delta(candidates_, mean_.kept() ? mean_.leaves() : leaves_, training_, base_hash());
  }

  AdaptationState state() const override {
    AdaptationState out;
    out.step = step_;
    out.seed = std::to_string(settings_.seed);
    out.parameterization = name_of(candidates_.parameterization());
    out.base_hash = base_hash();
    for (const auto& [name, leaf] : leaves_.leaves()) {
      out.leaves[name] = leaf.detach();
      out.moments[name] = leaves_.moments(name);
    }
    out.means = mean_.state();
    if constexpr (Stateful<Sel>) out.selector = selector_.state();
    out.anchor_leaves = anchor_.leaves();
    out.anchor_step = anchor_.step();
    return out;
  }

  void restore(const AdaptationState& state) override {
    const auto same = [&](const char* key, const std::string& theirs, const std::string& ours) {
      require(theirs == ours, state.origin, ": ", key, " is ", theirs, ", this run has ", ours);
    };
    same("nada.seed", state.seed, std::to_string(settings_.seed));
    same("nada.parameterization", state.parameterization, std::string(name_of(candidates_.parameterization())));
    same("nada.base_sha256", state.base_hash, base_hash());
    auto leaves = restored_leaves(candidates_, state, optimizer_);
    auto mean = mean_.restored(state, leaves);
    auto selector = restored_selector(selector_, candidates_.layer_count(), state);
    leaves_ = std::move(leaves);
    mean_ = std::move(mean);
    averaged_.reset();
    listed_.clear();
    selector_ = std::move(selector);
    step_ = state.step;
    restore_anchor(state);
    candidates_.put_base(adapted_);
    candidates_.put_effective(adapted_, candidates_.trained_layers(leaves_), leaves_, /*graph=*/false);
  }

 private:
  /// Attempt undoes a step that fails: its destructor leaves the run as it was, unless succeeded() was called.
  class Attempt {
   public:
    explicit Attempt(Adaptation& run) : run_(run), selector_(run.selector_) {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt() {
      if (succeeded_) return;
      run_.listed_.clear();  // leaf_list() holds leaves that are erased here
      try {
        const auto trained = run_.candidates_.trained_layers(run_.leaves_);
        run_.candidates_.put_effective(run_.adapted_, trained, run_.leaves_, /*graph=*/false);
        for (const auto k : run_.begun_)
          for (const auto& name : run_.candidates_.names(k)) run_.leaves_.erase(name);
        run_.selector_ = std::move(selector_);
      } catch (const std::exception&) {  // for example out of memory; the first error is the one that is told
      }
    }
    void succeeded() { succeeded_ = true; }

   private:
    Adaptation& run_;
    Sel selector_;
    bool succeeded_ = false;
  };

  static AdaptationSettings checked(AdaptationSettings settings) {
    settings.check();
    return settings;
  }

  /// Returns the layers that train in this step. A layer that is chosen for the first time gets its leaves here.
  LayerSet choose(const Stream& stream) {
    begun_.clear();
    const auto chosen = chosen_by_first(settings_.ranks, candidates_.layer_count(), [&] {
      auto of_selector = selector_.select(probe(stream));
      candidates_.check_choice(of_selector);
      return of_selector;
    });
    stepping_ = training_.stepping(adapted_.layers(), candidates_.all(), chosen);
    for (const auto k : stepping_)
      if (!candidates_.trained(k, leaves_)) {
        candidates_.begin(k, leaves_);
        begun_.push_back(k);
      }
    return chosen;
  }

  /// Returns the styles and images of the step. One w+ serves both generators, unless the mapping network trains. The
  /// anchor's images are taken from `kept`, where they are there.
  Scene render_scene(const G& adapted, const Tensor& latents, const Stream& stream, AnchorPool::Batch* kept) {
    Scene out;
    const auto z = latents.to(options());
    const auto anchor_styles = [&] {
      const torch::NoGradGuard no_grad;
      return styles_of(anchor(), z, stream);
    }();
    out.styles = mapping_trains() ? styles_of(adapted, z, stream) : anchor_styles;
    if constexpr (has(O::reads, Reads::anchor)) {
      if (has(objective_.reads(), Reads::anchor)) {
        const torch::NoGradGuard no_grad;
        const auto rendered = [&] { return anchor().synthesize(anchor_styles, render(stream, Draw::anchor)); };
        out.anchor_images = kept && kept->images.defined() ? kept->images : rendered();
        if (kept) kept->images = out.anchor_images;
      }
    }
    if (has(objective_.reads(), Reads::adapted))
      out.adapted_images = adapted.synthesize(out.styles, render(stream, Draw::adapted));
    if (has(objective_.reads(), Reads::leaves)) out.leaves = leaf_list();
    return out;
  }

  TermValues evaluate(const Scene& scene, const Stream& stream, AnchorPool::Batch* kept) const {
    Shown adapted, anchor;
    if (scene.adapted_images.defined()) adapted = views_of(scene.adapted_images, stream);
    if (scene.anchor_images.defined()) {
      const torch::NoGradGuard no_grad;
      anchor = kept && kept->anchor.has_features() ? Shown{seen(scene.anchor_images), {}}
                                                   : views_of(scene.anchor_images, stream);
    }
    return objective_.evaluate(scene, adapted, anchor, stream, kept ? &kept->anchor : nullptr, step_);
  }

  /// Returns loss, terms and gradients of the step's batch, which is computed in parts where the settings say so and is
  /// shared with the other ranks.
  BatchSum sum_of_batch(const LayerSet& chosen) {
    const auto names = candidates_.names(chosen);
    const Stream drawn{settings_.seed, pool_.drawn_step(step_)};
    const auto z = training_.latents(drawn, Purpose::latents, settings_.batch, source_.latent_size());
    const auto parts = parts_of_batch(settings_, objective_.is_per_sample());
    const bool at_once = settings_.micro_batch == 0 && is_split_worthwhile(parts.size(), options().device().is_cpu());
    auto sum = sum_of_parts(parts, settings_, at_once, adapted_, [&](std::size_t p, G& adapted) -> PartOfBatch {
      const auto [first, end] = parts[p];
      const Stream stream{settings_.seed, drawn.step, first};
      auto* const kept = pool_.batch(step_, p);
      candidates_.put_effective(adapted, chosen, leaves_, /*graph=*/true);
      const auto own =
          end - first == settings_.batch ? z : z.narrow(0, first, end - first);  // recorded ones: any number
      const auto values = evaluate(render_scene(adapted, own, stream, kept), stream, kept);
      return {values, leaf_gradients(values, names, leaves_, step_ + 1)};
    });
    sum.clip(settings_.clip_norm);
    return sum;
  }

  /// Moves the leaves of the stepping layers.
  void move_leaves(const TensorMap& gradients) {
    const auto optimizer = settings_.rate.is_constant() ? optimizer_ : optimizer_.scaled(settings_.rate.factor(step_));
    for (const auto k : stepping_)
      for (const auto& name : candidates_.names(k)) {
        const auto found = gradients.find(name);
        const auto gradient = training_.gradient(leaves_[name], found == gradients.end() ? Tensor{} : found->second);
        if (gradient.defined()) leaves_.update(optimizer, name, gradient);
      }
    mean_.update(candidates_, begun_, leaves_);
  }

  torch::TensorOptions options() const { return candidates_.options(); }
  bool mapping_trains() const {
    const auto trained = candidates_.trained_layers(leaves_);
    return std::any_of(trained.begin(), trained.end(),
                       [&](auto k) { return candidates_.layer(k).kind == LayerKind::mapping; });
  }
  const G& mapper() const { return mapping_trains() ? adapted_ : source_; }
  /// Returns the generator of the running mean where the run keeps one, else the adapted generator.
  const G& shown() const {
    if (!mean_.kept()) return adapted_;
    if (!averaged_ || averaged_step_ != step_) {
      averaged_ = adapted_.clone();
      candidates_.put_effective(*averaged_, candidates_.trained_layers(mean_.leaves()), mean_.leaves(), false);
      averaged_step_ = step_;
    }
    return *averaged_;
  }
  Render render(const Stream& stream, Draw draw, bool whole = false) const {
    Render out;
    out.resolution = whole || resolution() == source_.resolution() ? 0 : resolution();
    out.noise = settings_.noise;
    out.convolutions = settings_.convolutions;
    out.stream = stream;
    out.first_sample = training_.first_sample(draw, settings_.batch);
    return out;
  }
  Tensor images(const G& generator, const Tensor& z, bool whole) const {
    const torch::NoGradGuard no_grad;
    return generator.synthesize(generator.map(z.to(options()), settings_.labels),
                                render({settings_.seed, 0}, Draw::adapted, whole));
  }
  Tensor seen(const Tensor& images) const { return settings_.clamp ? images.clamp(-1, 1) : images; }
  Shown views_of(const Tensor& images, const Stream& stream) const {
    const auto clamped = seen(images);
    return {clamped, views_.show(clamped, stream)};
  }
  Tensor styles_of(const G& generator, const Tensor& z, const Stream& stream) const {
    const auto w = generator.map(z, settings_.labels);
    if (settings_.mixing == 0) return w;
    const auto other = stream.normal(Purpose::mixing, {w.size(0), source_.latent_size()}, 0, /*sub=*/1);
    return mix_styles(w, generator.map(other.to(options()), settings_.labels),
                      stream.uniform(Purpose::mixing, {w.size(0), 2}), settings_.mixing);
  }
  /// Returns the leaves with their initial values, for terms that read them.
  std::span<const Leaf> leaf_list() {
    const auto trained = candidates_.trained_layers(leaves_);
    if (trained == listed_) return leaf_list_;
    leaf_list_.clear();
    for (const auto k : trained) {
      const auto names = candidates_.names(k);
      const auto initial = candidates_.initial(k);
      for (std::size_t i = 0; i < names.size(); ++i)
        leaf_list_.push_back({names[i], leaves_[names[i]], initial[i].detach()});
    }
    listed_ = trained;
    return leaf_list_;
  }

  void move_anchor_if_due() {
    if constexpr (MovingShift<S>) {
      if (anchor_.step() == step_ || !shift_.moves_anchor(step_)) return;
      TensorMap leaves;
      for (const auto& [name, leaf] : leaves_.leaves()) leaves[name] = leaf.detach().clone();
      move_anchor(std::move(leaves), step_);
    }
  }
  /// Makes the generator of these leaves the anchor from step `step` on.
  void move_anchor(TensorMap leaves, std::int64_t step) {
    const torch::NoGradGuard no_grad;
    TrainedLeaves of_anchor;
    for (const auto& [name, leaf] : leaves) of_anchor.put(name, leaf);
    auto moved = adapted_.clone();
    candidates_.put_base(moved);
    candidates_.put_effective(moved, candidates_.trained_layers(of_anchor), of_anchor, /*graph=*/false);
    anchor_.move(std::move(moved), std::move(leaves), step);
    bind();
  }

  /// Binds every term once per encoder, and again after the anchor has moved.
  void bind() {
    pool_.clear();
    objective_.bind(encoders_, shift_, [this](std::int64_t count) {
      const torch::NoGradGuard no_grad;
      const Stream stream{settings_.seed, 0};
      const auto z = stream.normal(Purpose::shift, {count, source_.latent_size()}).to(options());
      return anchor().synthesize(anchor().map(z, settings_.labels), render(stream, Draw::adapted));
    });
    selection_targets_.clear();
    encoders_.each([&](const auto& encoder, double, std::size_t) {
      const auto& ends = objective_.endpoints()[selection_targets_.size()];
      selection_targets_.push_back(training_.selection_target(encoder, shift_, ends));
    });
  }

  void restore_anchor(const AdaptationState& state) {
    if constexpr (MovingShift<S>) {
      if (state.anchor_step >= 0) {
        TensorMap leaves;
        for (const auto& [name, leaf] : state.anchor_leaves) leaves[name] = leaf.to(options());
        move_anchor(std::move(leaves), state.anchor_step);
      } else if (anchor_.moved()) {
        anchor_.reset();
        bind();
      }
    }
  }

  G source_, adapted_;
  Es encoders_;
  S shift_;
  BoundObjective<Es, S, O> objective_;
  Sel selector_;
  V views_;
  X exit_;
  AdaptationSettings settings_;
  Training training_;
  AnyOptimizer optimizer_;
  RunningMean mean_;
  mutable std::optional<G> averaged_;  // what shown() made at `averaged_step_`
  mutable std::int64_t averaged_step_ = -1;
  CandidateLayers<G, P> candidates_;
  TrainedLeaves leaves_;       // of every layer that was ever chosen
  LayerSet stepping_, begun_;  // layers that the optimizer steps; layers whose leaves this step made
  Anchor<G> anchor_;
  AnchorPool pool_;
  std::vector<Tensor> selection_targets_;  // as endpoints()
  std::int64_t step_ = 0;
  std::vector<Leaf> leaf_list_;  // for terms that read leaves
  LayerSet listed_;              // the layers in leaf_list_
  mutable std::string base_hash_;
};

}  // namespace nada
