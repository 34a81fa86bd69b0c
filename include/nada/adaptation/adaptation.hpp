/// The run itself: moves a copy of a generator along a shift.
#pragma once
#include <torch/autograd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "nada/adaptation/adam.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/views/views.hpp"

namespace nada {

struct AdaptationSettings {
  Adam adam = {};
  std::int64_t batch = 8;       // samples a step
  std::uint64_t seed = 0;       // of all that is random
  double mixing = 0;            // share of samples whose styles come from two latents
  Noise noise = Noise::stored;  // the same for anchor and adapted images
  bool clamp = true;            // encoders see images clamped to [-1, 1]
  Tensor labels = {};           // [1, C] or [batch, C], of all samples; undefined: the generator has no classes
  /// With Noise::fresh: anchor, adapted and the selection's images have noise of their own, as in the official code.
  bool two_noises = false;
  /// Layers that are not chosen have a gradient of zero, not none: Adam counts their steps and their second moment
  /// decays (all candidates but mapping layers). So the official code on the PyTorch it was written for, where clearing
  /// a gradient sets it to zero: the selection's backward pass leaves one on every parameter that images depend on.
  bool zero_gradients = false;
  /// The selection's global loss is the official code's: target text without templates (where the shift has texts), cos
  /// times exp(logit_scale) / 100.
  bool official_selection = false;
  /// Recorded latents [batch, Z] of a step, and [B, Z] of its selection; none: normal numbers from Stream{seed, step}.
  std::function<Tensor(std::int64_t step)> latents = {}, selection_latents = {};
};

/// What the loop, run folders and programs know of an adaptation, whatever its parts: compiled once for all
/// compositions.
class AnyAdaptation {
 public:
  AnyAdaptation() = default;
  AnyAdaptation(const AnyAdaptation&) = delete;
  AnyAdaptation& operator=(const AnyAdaptation&) = delete;
  virtual ~AnyAdaptation() = default;

  virtual Report step(std::int64_t total = 0) = 0;
  virtual std::int64_t steps_done() const = 0;
  virtual std::vector<std::string_view> term_names() const = 0;
  virtual LayerSet preview() const = 0;
  virtual Delta delta() const = 0;
  virtual void save_state(const std::filesystem::path& path) const = 0;
  virtual void load_state(const std::filesystem::path& path) = 0;
  virtual int resolution() const = 0;
  virtual std::span<const Layer> layers() const = 0;
  virtual std::int64_t parameters(std::size_t layer) const = 0;
  /// Numbers that the optimiser has moved so far: the sizes of the leaves of every layer that was ever chosen.
  virtual std::int64_t trained_parameters() const = 0;
  virtual std::int64_t latent_size() const = 0;
  virtual std::int64_t style_count() const = 0;
  /// Images of latents z [N, Z] at the run's exit, by the source or the adapted generator, without gradient.
  virtual Tensor source_images(const Tensor& z) const = 0;
  virtual Tensor adapted_images(const Tensor& z) const = 0;

  /// Steps until `total` are done or somebody asks to stop, told to the observers; returns whether all were done.
  template <class... Observers>
  bool run(std::int64_t total, Observers&&... observers) {
    static_assert((explain_observer<std::decay_t<Observers>>() && ...));
    require(total >= 1, "the number of steps is ", total, ", expected at least 1");
    auto access = run_access(total);
    bool stop = false;
    access.stop = [&stop] { stop = true; };
    const auto tell = [&](auto&& what) { (what(observers), ...); };
    tell([&](auto& o) {
      if constexpr (requires { o.on_start(access); }) o.on_start(access);
    });
    try {
      while (steps_done() < total && !stop && !StopToken::requested()) {
        const auto report = step(total);
        access.step = steps_done();
        tell([&](auto& o) { o.on_step(report, access); });
      }
    } catch (...) {
      tell([&](auto& o) {
        if constexpr (requires { o.on_failure(access); }) {
          try {
            o.on_failure(access);
          } catch (const Error&) {  // a full disk, say: what stopped the run is what is told
          }
        }
      });
      throw;
    }
    tell([&](auto& o) {
      if constexpr (requires { o.on_finish(access); }) o.on_finish(access);
    });
    return steps_done() >= total;
  }

  Metadata delta_metadata;          ///< added to every delta that observers save: prompts, options
  std::filesystem::path base_path;  ///< file of the source generator: deltas name it, relative to themselves

 private:
  RunAccess run_access(std::int64_t total) {
    RunAccess out;
    out.step = steps_done();
    out.total = total;
    out.latent_size = latent_size();
    out.source_images = [this](const Tensor& z) { return source_images(z); };
    out.adapted_images = [this](const Tensor& z) { return adapted_images(z); };
    out.save_state = [this](const std::filesystem::path& path) { save_state(path); };
    out.save_delta = [this](const std::filesystem::path& path) {
      auto metadata = delta_metadata;
      if (!base_path.empty()) metadata["nada.base"] = relative_to(base_path, path.parent_path()).string();
      save_delta(path, delta(), std::move(metadata));
    };
    return out;
  }
};

/// Adaptation<Generator, EncoderSet, Shift, Objective, LayerSelector, Parameterization, Views, Exit>: one step is
/// choose layers -> latents -> anchor and adapted images -> views -> features -> terms -> gradients of the leaves ->
/// Adam. Source: Gal et al., StyleGAN-NADA, arXiv:2108.00946. Cannot be copied or moved: bound terms refer to its
/// encoders.
template <class G, class Es, class S, class O, class Sel, class P = FullWeights, class V = Plain, class X = FullSize>
class Adaptation final : public AnyAdaptation {
  static_assert(explain_generator<G>() && explain_encoder_set<Es>() && explain_selector<Sel>() &&
                explain_parameterization<P>() && explain_views<V>());
  static_assert(Exit<X>, "Exit: add `int resolution(int full_resolution) const` (docs/policies.md#views)");

 public:
  /// `start`: weights that the adapted generator starts from, where they are not the source's.
  Adaptation(G source, Es encoders, S shift, O objective, Sel selector = {}, P parameterization = {}, V views = {},
             X exit = {}, AdaptationSettings settings = {}, const std::optional<G>& start = {})
      : source_(std::move(source)),
        adapted_((start ? *start : source_).clone()),
        encoders_(std::move(encoders)),
        shift_(std::move(shift)),
        objective_(std::move(objective)),
        selector_(std::move(selector)),
        parameterization_(std::move(parameterization)),
        views_(std::move(views)),
        exit_(std::move(exit)),
        settings_(std::move(settings)) {
    settings_.adam.check();
    require(settings_.batch >= 1, "the batch is ", settings_.batch, ", expected at least 1");
    require(settings_.mixing >= 0 && settings_.mixing <= 1, "mixing is ", settings_.mixing,
            ", expected a share in [0, 1]");
    for (std::size_t k = 0; k < adapted_.layers().size(); ++k) {
      auto& slots = base_.emplace_back();
      for (std::size_t s = 0; s < adapted_.layers()[k].slots.size(); ++s)
        slots.push_back(adapted_.slot(k, s).detach().clone());
    }
    const int visible = resolution();
    for (std::size_t k = 0; k < base_.size(); ++k)
      if (adapted_.layers()[k].resolution <= visible && parameterization_.covers(adapted_.layers()[k]))
        candidates_.push_back(k);
    for_each_term([&](std::size_t t, const auto& weighted) {
      require(std::isfinite(weighted.weight) && weighted.weight >= 0, "the weight of the term ", weighted.term.name,
              " is ", weighted.weight, ", expected a number >= 0");
      if (weighted.weight > 0) active_.push_back(t);
      using Term = std::decay_t<decltype(weighted.term)>;
      if (weighted.weight > 0 && has(Term::reads, Reads::anchor)) reads_anchor_ = true;
      if (weighted.weight > 0 && has(Term::reads, Reads::tokens)) wanted_.tokens = true;
    });
    require(!active_.empty(), "every term of the objective has weight 0: there is nothing to train for");
    bind();
  }
  const G& source() const { return source_; }
  const G& adapted() const { return adapted_; }  ///< effective tensors of the last step, without graph
  std::int64_t steps_done() const override { return step_; }
  int resolution() const override {
    return exit_.resolution(source_.resolution());
  }  ///< of the images that the run renders
  /// Whose images the adapted ones are compared with: the source, unless the shift has moved it.
  const G& anchor() const { return anchor_ ? *anchor_ : source_; }
  const LayerSet& candidates() const { return candidates_; }
  const std::vector<Endpoints>& endpoints() const { return endpoints_; }  ///< one an encoder with weight > 0

  /// Names of the terms with weight > 0: the columns of metrics.csv.
  std::vector<std::string_view> term_names() const override {
    std::vector<std::string_view> out;
    for_each_term([&](std::size_t, const auto& weighted) {
      if (weighted.weight > 0) out.push_back(weighted.term.name);
    });
    return out;
  }

  /// The layers that the next step would choose.
  LayerSet preview() const override {
    auto selector = selector_;
    return selector.select(probe({settings_.seed, step_}));
  }

  std::span<const Layer> layers() const override { return source_.layers(); }
  std::int64_t parameters(std::size_t layer) const override { return parameter_count(source_, layer); }
  std::int64_t trained_parameters() const override {
    std::int64_t count = 0;
    for (const auto& leaf : leaf_list_) count += leaf.value.numel();
    return count;
  }
  std::int64_t latent_size() const override { return source_.latent_size(); }
  std::int64_t style_count() const override { return source_.style_count(); }
  Tensor source_images(const Tensor& z) const override { return images(source_, z); }
  Tensor adapted_images(const Tensor& z) const override { return images(adapted_, z); }

  /// What the selector sees at a step.
  Probe probe(const Stream& stream) const {
    Probe out;
    out.layers = adapted_.layers();
    out.candidates = candidates_;
    out.stream = stream;
    out.styles = [this, stream](std::int64_t count) {
      const torch::NoGradGuard no_grad;
      const auto z = settings_.selection_latents ? settings_.selection_latents(stream.step)
                                                 : stream.normal(Purpose::selection, {count, source_.latent_size()});
      return mapper().map(z.to(options()), settings_.labels);
    };
    out.resolution = resolution();
    out.images = [this, stream](const Tensor& w, std::int64_t first) {
      auto how = render(stream, /*draw=*/2);
      how.first_sample += first;
      return adapted_.synthesize(w, how);
    };
    out.global_loss = [this](const Tensor& images) {
      const auto seen = settings_.clamp ? images.clamp(-1, 1) : images;
      Tensor sum;
      std::size_t i = 0;
      encoders_.each([&](const auto& encoder, double weight, std::size_t) {
        const double scale = settings_.official_selection ? encoder.score_scale() / 100 : 1;
        const auto cosine = (encoder.see(seen, Wanted{}).unit * selection_targets_[i++]).sum(1);
        const auto term = weight * (1 - scale * cosine).mean();
        sum = sum.defined() ? sum + term : term;
      });
      return sum;
    };
    out.weight_gradients = [this, styles = out.styles, loss = out.global_loss, stream](std::int64_t count) {
      auto generator = adapted_.clone();
      std::vector<std::vector<Tensor>> leaves(base_.size());
      std::vector<Tensor> all;
      const torch::AutoGradMode mode(true);
      for (const auto k : candidates_) {
        const auto& layer = adapted_.layers()[k];
        if (const auto found = trained_.find(k); found != trained_.end()) {
          for (const auto& leaf : found->second.leaves) leaves[k].push_back(leaf.detach().requires_grad_(true));
        } else {
          leaves[k] = parameterization_.leaves(layer, base_[k], Stream{settings_.seed, 0});
        }
        all.insert(all.end(), leaves[k].begin(), leaves[k].end());
        const auto effective = parameterization_.effective(layer, base_[k], leaves[k]);
        for (std::size_t s = 0; s < effective.size(); ++s) generator.use(k, s, effective[s]);
      }
      const auto images = generator.synthesize(styles(count), render(stream, /*draw=*/2));
      const auto gradients = torch::autograd::grad({loss(images)}, all, {}, /*retain_graph=*/false,
                                                   /*create_graph=*/false, /*allow_unused=*/true);
      std::vector<double> sizes(base_.size(), 0.0);
      std::size_t next = 0;
      for (const auto k : candidates_) {
        double squares = 0, numbers = 0;
        for (const auto& leaf : leaves[k]) {
          const auto& g = gradients[next++];
          numbers += static_cast<double>(leaf.numel());
          if (g.defined()) squares += g.square().sum().template item<double>();
        }
        sizes[k] = std::sqrt(squares / std::max(numbers, 1.0));
      }
      return sizes;
    };
    return out;
  }

  /// One step. Errors: a loss or gradient that is not finite, naming step and term; nothing has changed then.
  Report step(std::int64_t total = 0) override {
    const double begin = seconds_now();
    const Stream stream{settings_.seed, step_};
    if constexpr (MovingShift<S>) {
      if (anchor_step_ != step_ && shift_.moves_anchor(step_)) {
        anchor_leaves_.clear();
        for (const auto& [k, layer] : trained_)
          for (std::size_t i = 0; i < layer.leaves.size(); ++i)
            anchor_leaves_[layer.names[i]] = layer.leaves[i].detach().clone();
        move_anchor(step_);
      }
    }
    choose(stream);
    write(/*graph=*/true);

    // Latents and styles: one w+ for both generators, unless the mapping network trains.
    const auto z = latents(stream);
    Tensor anchor_styles, styles;
    {
      const torch::NoGradGuard no_grad;
      anchor_styles = styles_of(anchor(), z, stream);
    }
    styles = mapping_trains() ? styles_of(adapted_, z, stream) : anchor_styles;

    Scene scene;
    scene.styles = styles;
    scene.leaves = leaf_list_;
    if constexpr (has(O::reads, Reads::anchor)) {
      if (reads_anchor_) {
        const torch::NoGradGuard no_grad;
        scene.anchor_images = anchor().synthesize(anchor_styles, render(stream, /*draw=*/1));
      }
    }
    scene.adapted_images = adapted_.synthesize(styles, render(stream));

    // Terms
    std::array<Tensor, term_count> values;
    const auto adapted_shown = show(scene.adapted_images, stream);
    Shown anchor_shown;
    if (scene.anchor_images.defined()) {
      const torch::NoGradGuard no_grad;
      anchor_shown = show(scene.anchor_images, stream);
    }
    for (const auto& evaluate : bound_) evaluate(adapted_shown, anchor_shown, stream, values);
    for_each_term([&](std::size_t t, const auto& weighted) {
      using Term = std::decay_t<decltype(weighted.term)>;
      if constexpr (SceneTerm<Term>)
        if (weighted.weight > 0) values[t] = weighted.term(scene);
    });
    Tensor loss;
    terms_.clear();
    for_each_term([&](std::size_t t, const auto& weighted) {
      if (weighted.weight == 0) return;
      require(values[t].defined(), "the term ", weighted.term.name, " is bound to an encoder that is not there");
      const auto value = values[t].template item<double>();
      require(std::isfinite(value), "step ", step_ + 1, ": the term ", weighted.term.name, " is ", value,
              "; the run cannot go on");
      terms_.emplace_back(weighted.term.name, value);
      const auto share = weighted.weight * values[t];
      loss = loss.defined() ? loss + share : share;
    });

    // Gradients of the chosen leaves only
    std::vector<Tensor> leaves;
    for (const auto k : chosen_)
      for (const auto& leaf : trained_.at(k).leaves) leaves.push_back(leaf);
    const auto gradients = torch::autograd::grad({loss}, leaves, {}, /*retain_graph=*/false, /*create_graph=*/false,
                                                 /*allow_unused=*/true);
    Tensor energy;
    for (const auto& g : gradients)
      if (g.defined()) energy = energy.defined() ? energy + g.square().sum() : g.square().sum();
    require(energy.defined(), "step ", step_ + 1, ": no chosen layer has a gradient");
    if (!std::isfinite(energy.item<double>())) fail_gradient(gradients);

    std::size_t next = 0;
    for (const auto k : stepping_) {
      auto& layer = trained_.at(k);
      const bool chosen = std::binary_search(chosen_.begin(), chosen_.end(), k);
      for (std::size_t i = 0; i < layer.leaves.size(); ++i) {
        auto gradient = chosen ? gradients[next++] : Tensor{};
        if (!gradient.defined() && settings_.zero_gradients) gradient = torch::zeros_like(layer.leaves[i]);
        if (gradient.defined()) settings_.adam.update(layer.leaves[i], gradient, layer.moments[i]);
      }
    }
    write(/*graph=*/false);
    ++step_;
    return {step_, total, loss.item<double>(), terms_, seconds_now() - begin, chosen_};
  }

  /// Leaves of every layer that was ever chosen (with zero_gradients: that moved), with the hash of their base.
  Delta delta() const override {
    Delta out;
    out.base_hash = base_hash();
    out.parameterization = P::name;
    for (const auto& [k, layer] : trained_) {
      if (settings_.zero_gradients && std::ranges::equal(layer.leaves, make_trained(k).leaves, at::equal)) continue;
      for (std::size_t i = 0; i < layer.leaves.size(); ++i) out.leaves[layer.names[i]] = layer.leaves[i].detach();
    }
    return out;
  }

  /// All that exact resume needs.
  void save_state(const std::filesystem::path& path) const override {
    TensorMap tensors;
    nlohmann::json counts = nlohmann::json::object();
    for (const auto& [k, layer] : trained_)
      for (std::size_t i = 0; i < layer.leaves.size(); ++i) {
        const auto& name = layer.names[i];
        tensors["leaf." + name] = layer.leaves[i].detach();
        counts[name] = layer.moments[i].steps;
        if (!layer.moments[i].first.defined()) continue;
        tensors["first." + name] = layer.moments[i].first;
        tensors["second." + name] = layer.moments[i].second;
      }
    Metadata metadata{{"nada.kind", "state"},
                      {"nada.format", std::string(format_version)},
                      {"nada.step", std::to_string(step_)},
                      {"nada.seed", std::to_string(settings_.seed)},
                      {"nada.parameterization", std::string(P::name)},
                      {"nada.base_sha256", base_hash()},
                      {"nada.counts", counts.dump()}};
    if constexpr (Stateful<Sel>) metadata["nada.selector"] = nlohmann::json(selector_.state()).dump();
    if constexpr (MovingShift<S>) {
      metadata["nada.anchor_step"] = std::to_string(anchor_step_);
      for (const auto& [name, value] : anchor_leaves_) tensors["anchor." + name] = value;
    }
    save_tensors(path, tensors, metadata);
  }

  /// Continues from a saved state. Errors: a state of another base, seed or parameterization, or one that is damaged.
  void load_state(const std::filesystem::path& path) override {
    const auto file = Safetensors::open(path);
    require(recognise(file) == FileKind::state, path, " is ", name_of(recognise(file)),
            ", expected the state of a run");
    const auto& metadata = file.metadata();
    const auto same = [&](const char* key, const std::string& ours) {
      const auto theirs = value_or(metadata, key);
      require(theirs == ours, path, ": ", key, " is ", theirs, ", this run has ", ours);
    };
    same("nada.seed", std::to_string(settings_.seed));
    same("nada.parameterization", std::string(P::name));
    same("nada.base_sha256", base_hash());
    const auto counts = nlohmann::json::parse(value_or(metadata, "nada.counts"), nullptr, false);
    require(counts.is_object(), path, ": nada.counts is damaged");
    std::map<std::size_t, Trained> trained;
    const auto tensor = [&](const std::string& name, const Tensor& like) {
      auto value = to_tensor(file.at(name)).to(options());
      require(value.sizes() == like.sizes(), path, ": tensor ", name, " has shape ", shape_text(value.sizes()),
              ", expected ", shape_text(like.sizes()));
      return value;
    };
    for (std::size_t k = 0; k < base_.size(); ++k) {
      const auto& layer = adapted_.layers()[k];
      if (!parameterization_.covers(layer) ||
          !file.find("leaf." + layer.name + "." + parameterization_.names(layer).front()))
        continue;
      auto entry = make_trained(k);
      for (std::size_t i = 0; i < entry.leaves.size(); ++i) {
        const auto& name = entry.names[i];
        const auto shape = entry.leaves[i];
        entry.leaves[i] = tensor("leaf." + name, shape).requires_grad_(true);
        require(counts.contains(name) && counts[name].is_number_integer(), path, ": nada.counts lacks ", name);
        entry.moments[i].steps = counts[name].template get<std::int64_t>();
        if (entry.moments[i].steps == 0) continue;
        entry.moments[i].first = tensor("first." + name, shape);
        entry.moments[i].second = tensor("second." + name, shape);
      }
      trained.emplace(k, std::move(entry));
    }
    const auto text = value_or(metadata, "nada.step");
    std::int64_t step = -1;
    std::from_chars(text.data(), text.data() + text.size(), step);
    require(step >= 0, path, ": nada.step is '", text, "', expected a number >= 0");
    if constexpr (Stateful<Sel>) {
      const auto state = nlohmann::json::parse(value_or(metadata, "nada.selector"), nullptr, false);
      require(state.is_array(), path, ": nada.selector is damaged");
      std::vector<std::int64_t> chosen;
      for (const auto& k : state) {
        require(k.is_number_integer() && k.template get<std::int64_t>() >= 0 &&
                    k.template get<std::int64_t>() < static_cast<std::int64_t>(base_.size()),
                path, ": nada.selector names a layer that is not there");
        chosen.push_back(k.template get<std::int64_t>());
      }
      selector_.restore(chosen);
    }
    if constexpr (MovingShift<S>) {
      const auto moved = value_or(metadata, "nada.anchor_step", "-1");
      std::int64_t at = -1;
      std::from_chars(moved.data(), moved.data() + moved.size(), at);
      anchor_leaves_.clear();
      for (const auto& [k, layer] : trained)
        for (std::size_t i = 0; i < layer.names.size(); ++i)
          if (file.find("anchor." + layer.names[i]))
            anchor_leaves_[layer.names[i]] = tensor("anchor." + layer.names[i], layer.leaves[i]);
      anchor_.reset();
      anchor_step_ = -1;
      if (at >= 0) move_anchor(at);
    }
    step_ = step;
    trained_ = std::move(trained);
    refresh_leaf_list();
    for (std::size_t k = 0; k < base_.size(); ++k)  // layers that this run trained before and the state did not
      for (std::size_t i = 0; i < base_[k].size(); ++i) adapted_.use(k, i, base_[k][i]);
    LayerSet all;
    for (const auto& [k, layer] : trained_) all.push_back(k);
    chosen_ = stepping_ = all;
    write(/*graph=*/false);
  }

  /// What Adam keeps, by leaf name: (steps, first, second).
  std::map<std::string, Moments> moments() const {
    std::map<std::string, Moments> out;
    for (const auto& [k, layer] : trained_)
      for (std::size_t i = 0; i < layer.names.size(); ++i)
        if (layer.moments[i].first.defined()) out[layer.names[i]] = layer.moments[i];
    return out;
  }

  /// SHA-256 of the weights that the adapted generator started from.
  const std::string& base_hash() const {
    if (base_hash_.empty()) {
      auto base = adapted_.clone();
      for (std::size_t k = 0; k < base_.size(); ++k)
        for (std::size_t s = 0; s < base_[k].size(); ++s) base.use(k, s, base_[k][s]);
      base_hash_ = nada::base_hash(base);
    }
    return base_hash_;
  }

 private:
  struct Trained {
    std::vector<std::string> names;  // "<layer>.<leaf>"
    std::vector<Tensor> leaves;
    std::vector<Moments> moments;
  };
  template <class... Terms>
  static constexpr std::size_t count_terms(const Objective<Terms...>*) {
    return sizeof...(Terms);
  }
  static constexpr std::size_t term_count = count_terms(static_cast<const O*>(nullptr));
  using Evaluate = std::function<void(const Shown&, const Shown&, const Stream&, std::array<Tensor, term_count>&)>;

  template <class Visit>
  void for_each_term(Visit&& visit) const {
    std::size_t t = 0;
    std::apply([&](const auto&... weighted) { (visit(t++, weighted), ...); }, objective_.terms);
  }

  torch::TensorOptions options() const { return base_.front().front().options(); }
  bool mapping_trains() const {
    return std::any_of(trained_.begin(), trained_.end(),
                       [&](const auto& entry) { return adapted_.layers()[entry.first].kind == LayerKind::mapping; });
  }
  const G& mapper() const { return mapping_trains() ? adapted_ : source_; }
  /// `draw`: which noise of the step, 0 adapted, 1 anchor, 2 selection; one and the same without two_noises.
  Render render(const Stream& stream, std::int64_t draw = 0) const {
    Render out;
    out.resolution = resolution() == source_.resolution() ? 0 : resolution();
    out.noise = settings_.noise;
    out.stream = stream;
    if (settings_.two_noises) out.first_sample = draw * settings_.batch;
    return out;
  }
  Tensor images(const G& generator, const Tensor& z) const {
    const torch::NoGradGuard no_grad;
    return generator.synthesize(generator.map(z.to(options()), settings_.labels), render({settings_.seed, 0}));
  }
  Shown show(const Tensor& images, const Stream& stream) const {
    const auto seen = settings_.clamp ? images.clamp(-1, 1) : images;
    return {seen, views_.show(seen, stream)};
  }
  Tensor latents(const Stream& stream) const {
    const auto z = settings_.latents ? settings_.latents(stream.step)
                                     : stream.normal(Purpose::latents, {settings_.batch, source_.latent_size()});
    return z.to(options());
  }
  Tensor styles_of(const G& generator, const Tensor& z, const Stream& stream) const {
    const auto w = generator.map(z, settings_.labels);
    if (settings_.mixing == 0) return w;
    const auto n = w.size(0), l = w.size(1);
    const auto other =
        generator.map(stream.normal(Purpose::mixing, {n, source_.latent_size()}, 0, 1).to(options()), settings_.labels);
    const auto u = stream.uniform(Purpose::mixing, {n, 2});
    const auto from = 1 + (u.select(1, 1) * static_cast<double>(l - 1)).floor();  // in [1, L - 1]
    const auto swap = (u.select(1, 0) < settings_.mixing)
                          .unsqueeze(1)
                          .logical_and(torch::arange(l).unsqueeze(0) >= from.unsqueeze(1));
    return at::where(swap.unsqueeze(2).to(w.device()), other, w);
  }

  /// Makes the generator of anchor_leaves_ the anchor from step `step` on.
  void move_anchor(std::int64_t step) {
    const torch::NoGradGuard no_grad;
    anchor_ = adapted_.clone();
    for (std::size_t k = 0; k < base_.size(); ++k) {
      std::vector<Tensor> leaves;
      if (parameterization_.covers(adapted_.layers()[k]))
        for (const auto& name : parameterization_.names(adapted_.layers()[k]))
          if (const auto leaf = anchor_leaves_.find(adapted_.layers()[k].name + "." + name);
              leaf != anchor_leaves_.end())
            leaves.push_back(leaf->second);
      const auto effective =
          leaves.empty() ? base_[k] : parameterization_.effective(adapted_.layers()[k], base_[k], leaves);
      for (std::size_t i = 0; i < effective.size(); ++i) anchor_->use(k, i, effective[i].detach());
    }
    anchor_step_ = step;
    bind();
  }

  /// Binds every term once per encoder, anew where the anchor has moved.
  void bind() {
    endpoints_.clear();
    selection_targets_.clear();
    bound_.clear();
    const Sampler sampler = [this](std::int64_t count) {
      const torch::NoGradGuard no_grad;
      const Stream stream{settings_.seed, 0};
      const auto z = stream.normal(Purpose::evaluation, {count, source_.latent_size()}).to(options());
      return anchor().synthesize(anchor().map(z, settings_.labels), render(stream));
    };
    encoders_.each([&](const auto& encoder, double weight, std::size_t index) {
      using E = std::decay_t<decltype(encoder)>;
      static_assert(explain_encoder<E>() && explain_shift<S, E>());
      endpoints_.push_back(shift_.endpoints(encoder, sampler));
      selection_targets_.push_back(selection_target(encoder, endpoints_.back()));
      std::apply(
          [&](const auto&... weighted) {
            bound_.push_back(bind_encoder(encoder, weight, index, endpoints_.back(), weighted...));
          },
          objective_.terms);
    });
    require(!bound_.empty(), "no encoder has a weight > 0");
  }

  /// [1, E]: what the selection's global loss compares images with.
  template <class E>
  Tensor selection_target(const E& encoder, const Endpoints& ends) const {
    if constexpr (TextualShift<S>) {
      const torch::NoGradGuard no_grad;
      const std::array bare{std::string(shift_.target())};
      if (settings_.official_selection) return encoder.read(encoder.tokenize(bare));
    }
    return ends.target;
  }

  template <class E, class... Terms>
  Evaluate bind_encoder(const E& encoder, double weight, std::size_t index, const Endpoints& ends,
                        const Weighted<Terms>&... weighted) {
    auto bound = std::make_tuple(bind_term(encoder, ends, weighted.term)...);
    std::array<bool, term_count> used{
        (weighted.weight > 0 &&
         (only_encoder<Terms>::value < 0 || only_encoder<Terms>::value == static_cast<std::ptrdiff_t>(index)))...};
    return
        [&encoder, weight, bound = std::move(bound), used, wanted = wanted_](
            const Shown& adapted, const Shown& anchor, const Stream& stream, std::array<Tensor, term_count>& values) {
          Comparison<E> comparison(encoder, adapted, anchor, stream, wanted);
          std::size_t t = 0;
          const auto add = [&](const auto& term) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(term)>, std::monostate>) {
              if (used[t]) {
                const auto share = weight * term(comparison);
                values[t] = values[t].defined() ? values[t] + share : share;
              }
            }
            ++t;
          };
          std::apply([&](const auto&... term) { (add(term), ...); }, bound);
        };
  }

  template <class E, class Term>
  auto bind_term(const E& encoder, const Endpoints& ends, const Term& term) const {
    static_assert(explain_term<Term>());
    static_assert(
        EncoderTerm<Term, E, S> || SceneTerm<Term> || only_encoder<Term>::value >= 0,
        "Term: add `auto bind(const E&, const auto& shift, const nada::Endpoints&) const`, which returns a function of "
        "nada::Comparison<E>&, or `torch::Tensor operator()(const nada::Scene&) const` (docs/policies.md#terms)");
    if constexpr (EncoderTerm<Term, E, S>) {
      return term.bind(encoder, shift_, ends);
    } else {
      return std::monostate{};
    }
  }

  Trained make_trained(std::size_t k) const {
    Trained out;
    const auto& layer = adapted_.layers()[k];
    out.leaves = parameterization_.leaves(layer, base_[k], Stream{settings_.seed, 0});
    for (const auto& name : parameterization_.names(layer)) out.names.push_back(layer.name + "." + name);
    require(out.names.size() == out.leaves.size(), "the parameterization ", P::name, " names ", out.names.size(),
            " leaves of ", layer.name, " and makes ", out.leaves.size());
    out.moments.resize(out.leaves.size());
    return out;
  }

  void choose(const Stream& stream) {
    chosen_ = selector_.select(probe(stream));
    require(!chosen_.empty() && std::is_sorted(chosen_.begin(), chosen_.end()),
            "the layer selector gave an empty or unsorted choice");
    require(std::includes(candidates_.begin(), candidates_.end(), chosen_.begin(), chosen_.end()),
            "the layer selector chose a layer that is no candidate");
    stepping_ = chosen_;
    if (settings_.zero_gradients)
      for (const auto k : candidates_)
        if (adapted_.layers()[k].kind != LayerKind::mapping && !std::binary_search(chosen_.begin(), chosen_.end(), k))
          stepping_.push_back(k);
    std::sort(stepping_.begin(), stepping_.end());
    bool grown = false;
    for (const auto k : stepping_)
      if (!trained_.count(k)) trained_.emplace(k, make_trained(k)), grown = true;
    if (grown) refresh_leaf_list();
  }

  void refresh_leaf_list() {
    leaf_list_.clear();
    for (const auto& [k, layer] : trained_) {
      const auto initial = parameterization_.leaves(adapted_.layers()[k], base_[k], Stream{settings_.seed, 0});
      for (std::size_t i = 0; i < layer.leaves.size(); ++i)
        leaf_list_.push_back({layer.names[i], layer.leaves[i], initial[i].detach()});
    }
  }

  /// Effective tensors into the adapted generator: with graph of the chosen layers, without of all that Adam steps.
  void write(bool graph) {
    const torch::AutoGradMode mode(graph);
    for (const auto k : graph ? chosen_ : stepping_) {
      auto effective = parameterization_.effective(adapted_.layers()[k], base_[k], trained_.at(k).leaves);
      for (std::size_t s = 0; s < effective.size(); ++s)
        adapted_.use(k, s, graph ? effective[s] : effective[s].detach());
    }
  }

  [[noreturn]] void fail_gradient(const std::vector<Tensor>& gradients) {
    std::size_t next = 0;
    std::string where;
    for (const auto k : chosen_)
      for (const auto& name : trained_.at(k).names)
        if (const auto& g = gradients[next++]; where.empty() && g.defined() && !g.isfinite().all().item<bool>())
          where = name;
    std::string values;
    for (const auto& [name, value] : terms_) values += join(values.empty() ? "" : ", ", name, " ", value);
    write(/*graph=*/false);
    fail("step ", step_ + 1, ": the gradient of ", where.empty() ? "the leaves" : where,
         " is not finite (terms: ", values, "); the run cannot go on");
  }

 private:
  G source_, adapted_;
  Es encoders_;
  S shift_;
  O objective_;
  Sel selector_;
  P parameterization_;
  V views_;
  X exit_;
  AdaptationSettings settings_;
  std::vector<std::vector<Tensor>> base_;    // slots that the adapted generator started from
  LayerSet candidates_, chosen_, stepping_;  // stepping_: chosen_ and, with zero_gradients, the others
  std::map<std::size_t, Trained> trained_;   // every layer that was ever chosen
  std::vector<Leaf> leaf_list_;
  std::vector<Endpoints> endpoints_;
  std::vector<Tensor> selection_targets_;  // as endpoints_
  std::vector<Evaluate> bound_;
  std::vector<std::size_t> active_;
  std::vector<std::pair<std::string_view, double>> terms_;
  Wanted wanted_;
  bool reads_anchor_ = false;
  std::int64_t step_ = 0;
  std::optional<G> anchor_;        // where the shift has moved it
  TensorMap anchor_leaves_;        // that it was made of
  std::int64_t anchor_step_ = -1;  // when
  mutable std::string base_hash_;
};

}  // namespace nada
