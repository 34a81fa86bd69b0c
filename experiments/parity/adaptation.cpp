// Operations that run a training.
#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/official_training.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/views/views.hpp"
#include "operations.hpp"
#include "skipped.hpp"

namespace nada::parity {

namespace {

/// RecordedShift holds recorded directions, and targets for the selection, and hands them out in the order
/// of the encoders.
struct RecordedShift {
  std::vector<Tensor> directions, targets;
  mutable std::size_t next = 0;

  template <TextImageEncoder E>
  Endpoints endpoints(const E&, const Sampler&) const {
    require(next < directions.size(), "there are fewer text_directions than encoders");
    const auto i = next++;
    return {{}, i < targets.size() ? targets[i] : Tensor{}, directions[i]};
  }
};

/// Returns the layers with parameters of these modules ("input", "conv1", "convs").
NamedLayers layers_of(const LoadedGenerator& generator, const std::vector<std::string>& modules) {
  std::set<std::string> names;
  for (const auto& module : modules)
    for (const auto& [name, parameter] : generator.parameters)
      if (name.starts_with(module + ".")) names.insert(generator.model.layers()[parameter.layer].name);
  return {{names.begin(), names.end()}};
}

/// RecordedSelection is the official selection; it keeps the scores that it chose by.
struct RecordedSelection {
  AdaptiveTopK top;
  std::vector<Tensor>* weights;
  LayerSet select(const Probe& probe) const {
    weights->push_back(top.scores(probe));
    return OfficialIndex(top).select(probe);
  }
};

/// Adam that keeps its first moment whatever beta1 is, as PyTorch's does.
struct AdamWithFirst : Adam {
  Moments begin(const Tensor& leaf) const { return {torch::zeros_like(leaf), torch::zeros_like(leaf)}; }
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    Adam::move(leaf, gradient, moments);
    if (beta1 == 0) moments.first = gradient.clone();
  }
};

/// Runs Adam from the trainable generator. The results are losses, chosen layers, first gradients, the weights that
/// moved, the last image.
template <LayerSelector Selector>
Results trajectory(const Call& call, OfficialTraining training, RecordedShift shift, Selector selector) {
  const auto &frozen = call.generator("frozen"), &trainable = call.generator("trainable");
  const auto z = call.tensor("z");  // [I, N, Z]
  for (const auto& reference : call.input("text_directions")) shift.directions.push_back(call.resolve(reference));
  AdaptationSettings settings;
  settings.adam = {call.number("learning_rate"), call.number("beta1"), call.number("beta2"), call.number("epsilon")};
  settings.optimizer = AdamWithFirst{settings.adam};
  settings.batch = z.size(1);
  settings.noise = render(call).noise;
  settings.clamp = false;
  training.recorded_latents = [z](std::int64_t step) { return z[step]; };
  Adaptation adaptation(frozen.model, Members<AnyClip>(call.encoders()), shift,
                        weigh(1.0, Directional{.min_length = 0}), selector, FullWeights{}, Plain{}, FullSize{},
                        settings, std::move(training), std::optional(trainable.model));
  Results out;
  Json losses, chosen, moved = Json::array(), state;
  for (std::int64_t i = 0; i < call.integer("iterations"); ++i) {
    const auto report = adaptation.step();
    losses.push_back(report.loss);
    chosen.push_back(report.chosen);
    if (i > 0) continue;
    const auto moments = adaptation.moments();  // Adam's first moment is now (1 - beta1) times the gradient
    for (const auto& [name, parameter] : trainable.parameters)
      if (const auto m = moments.find(trainable.leaf_name(parameter)); m != moments.end())
        out["gradient0." + name] = (m->second.first / (1 - settings.adam.beta1)).reshape(parameter.shape);
  }
  const auto moments = adaptation.moments();
  for (const auto& [name, parameter] : trainable.parameters) {
    if (const auto m = moments.find(trainable.leaf_name(parameter)); m != moments.end()) {
      const auto& [first, second, steps, others] = m->second;
      const auto norm = [](const Tensor& x) { return x.norm().item<double>(); };
      state[name] = {{"step", steps}, {"exp_avg", norm(first)}, {"exp_avg_sq", norm(second)}};
    }
    const auto& start = trainable.model.slot(parameter.layer, parameter.slot);
    const auto& end = adaptation.adapted().slot(parameter.layer, parameter.slot);
    if (torch::equal(start, end)) continue;
    moved.push_back(name);
    out["final." + name] = end.detach().reshape(parameter.shape);
    out["before final." + name] = start.reshape(parameter.shape);
  }
  const auto& adapted = adaptation.adapted();
  out["losses"] = losses;
  out["chosen"] = chosen;
  out["moved_parameters"] = moved;
  out["adam_state"] = state;
  out["final_image"] = adapted.synthesize(adapted.map(z[0].narrow(0, 0, 1)), render(call));
  return out;
}

}  // namespace

/// Repeats the runs of the official code: one choice of layers, or a new choice in each iteration.
Results adaptation_trajectory(const Call& call) {
  if (call.text("loss") != "dir_cosine") throw Skipped{Skip::part, call.text("loss")};
  if (call.number("weight_decay") != 0) throw Skipped{Skip::part, "weight_decay"};
  const auto& trainable = call.generator("trainable");
  const OfficialTraining plain{.two_noises = false, .zero_gradients = false, .bare_selection = false};
  if (!call.has("selection"))
    return trajectory(call, plain, {}, layers_of(trainable, call.get<std::vector<std::string>>("trainable")));

  const auto selection = call.get<Json>("selection");
  const auto z = call.tensor("z_select");  // [I, M, Z]
  auto training = plain;
  const auto cleared = call.text("clear_gradients_to");
  require(cleared == "zero" || cleared == "none", "clear_gradients_to is '", cleared, "', expected zero or none");
  training.zero_gradients = cleared == "zero";
  training.bare_selection = true;
  training.recorded_selection = [z](std::int64_t step) { return z[step]; };
  RecordedShift shift;
  const auto encoders = call.encoders();
  for (const auto& tokens : call.input("prompt_tokens")) {
    require(shift.targets.size() < encoders.size(), "there are more prompt_tokens than encoders");
    shift.targets.push_back(encoders[shift.targets.size()].encoder.read(call.resolve(tokens)));
  }
  AdaptiveTopK top{.k = as<std::size_t>(selection, "k", "selection"), .batch = z.size(1)};
  top.steps = as<std::int64_t>(selection, "steps", "selection");
  top.rate = as<double>(selection, "rate", "selection");

  std::vector<Tensor> weights;
  auto out = trajectory(call, std::move(training), shift, RecordedSelection{top, &weights});
  out["layer_weights"] = torch::stack(weights);
  // These are the chosen layers, by the index with which the official code counts them.
  const auto modules = call.folder.value(member(selection, "index_to_layer", "selection"));
  std::map<std::size_t, std::size_t> index_of;
  for (const auto& module : as<std::vector<std::string>>(std::get<Json>(modules), "index_to_layer")) {
    const auto names = layers_of(trainable, {module}).names;
    require(names.size() == 1, "index_to_layer: ", module, " is not one layer");
    index_of.emplace(find_layer(trainable.model.layers(), names.front()), index_of.size());
  }
  Json selected = Json::array();
  for (const auto& layers : std::get<Json>(out["chosen"])) {
    auto& row = selected.emplace_back();
    for (const auto& layer : layers) row.push_back(index_of.at(layer.get<std::size_t>()));
  }
  out["selected"] = selected;
  return out;
}

}  // namespace nada::parity
