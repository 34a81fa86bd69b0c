/// Makes the probe: the view that a layer selector has of a run.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <torch/autograd.h>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/training_policy.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// ProbedRun are the parts of a run that a probe refers to; they must outlive the probe.
template <class G, class Es, class P, class Training>
struct ProbedRun {
  const G &adapted, &mapper;  // mapper: the generator that maps latents to styles
  const Es& encoders;
  std::span<const Tensor> targets;  // [1, E] of each encoder of weight > 0
  const CandidateLayers<G, P>& candidates;
  const TrainedLeaves& leaves;
  const Training& training;
  const AdaptationSettings& settings;
  Render render;  // of the selection's images

  /// Returns the sum over encoders of weight (1 - scale cos(E(images), target)).
  Tensor global_loss(const Tensor& images) const {
    const auto seen = settings.clamp ? images.clamp(-1, 1) : images;
    Tensor sum;
    std::size_t i = 0;
    encoders.each([&](const auto& encoder, double weight, std::size_t) {
      const double scale = training.selection_scale(encoder);
      const auto cosine = (encoder.see(seen, Wanted{}).unit * targets[i++]).sum(1);
      const auto term = weight * (1 - scale * cosine).mean();
      sum = sum.defined() ? sum + term : term;
    });
    return sum;
  }

  Tensor latents(std::int64_t count, const Stream& stream) const {
    return training.latents(stream, Purpose::selection, count, adapted.latent_size()).to(candidates.options());
  }
  Tensor styles(std::int64_t count, const Stream& stream) const {
    const torch::NoGradGuard no_grad;
    return mapper.map(latents(count, stream), settings.labels);
  }
  /// Returns these styles, bit for bit, with the gradient of `generator`'s mapping network where that can train.
  Tensor styles_with_graph(const G& generator, std::int64_t count, const Stream& stream) const {
    const auto w = styles(count, stream);
    const auto maps = [&](auto k) { return candidates.layer(k).kind == LayerKind::mapping; };
    if (std::none_of(candidates.all().begin(), candidates.all().end(), maps)) return w;
    const auto mapped = generator.map(latents(count, stream), settings.labels);
    return w + (mapped - mapped.detach());
  }

  /// Returns the leaves of a candidate as they are, or as they would begin, apart from the run's own graph.
  std::vector<Tensor> detached_leaves(std::size_t k) const {
    if (!candidates.trained(k, leaves)) return candidates.initial(k);
    auto out = candidates.leaves(k, leaves);
    for (auto& leaf : out) leaf = leaf.detach().requires_grad_(true);
    return out;
  }

  /// Returns the root mean square gradient of the global loss in each candidate's leaves, and 0
  /// for all other layers, [layers].
  std::vector<double> weight_gradients(std::int64_t count, const Stream& stream) const {
    auto generator = adapted.clone();
    std::vector<std::vector<Tensor>> own(candidates.layer_count());
    std::vector<Tensor> all;
    const torch::AutoGradMode mode(true);
    for (const auto k : candidates.all()) {
      own[k] = detached_leaves(k);
      all.insert(all.end(), own[k].begin(), own[k].end());
      const auto effective = candidates.effective(k, own[k]);
      for (std::size_t s = 0; s < effective.size(); ++s) generator.use(k, s, effective[s]);
    }
    const auto images = generator.synthesize(styles_with_graph(generator, count, stream), render);
    const auto gradients = torch::autograd::grad({global_loss(images)}, all, {}, /*retain_graph=*/false,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    std::vector<double> sizes(candidates.layer_count(), 0.0);
    std::size_t next = 0;
    for (const auto k : candidates.all()) {
      double squares = 0, numbers = 0;
      for (const auto& leaf : own[k]) {
        const auto& g = gradients[next++];
        numbers += static_cast<double>(leaf.numel());
        if (g.defined()) squares += g.square().sum().template item<double>();
      }
      sizes[k] = std::sqrt(squares / std::max(numbers, 1.0));
    }
    return sizes;
  }

  /// Returns how far a layer has moved since the start, relative to its size.
  double change(std::size_t k) const {
    require(k < candidates.layer_count(), "change: layer ", k, " of ", candidates.layer_count());
    return candidates.trained(k, leaves) ? candidates.change(adapted, k) : 0;
  }
  Tensor weight(std::size_t k, std::size_t slot) const {
    require(k < candidates.layer_count(), "weight: layer ", k, " of ", candidates.layer_count());
    const auto& layer = candidates.layer(k);
    require(slot < layer.slots.size(), "weight: slot ", slot, " of ", layer.name, ", which has ", layer.slots.size());
    return adapted.slot(k, slot).detach().clone();
  }
};

/// Returns the probe that the selector gets at the step of `stream`.
template <class G, class Es, class P, class Training>
Probe make_probe(const ProbedRun<G, Es, P, Training>& run, const Stream& stream) {
  Probe out;
  out.layers = run.adapted.layers();
  out.candidates = run.candidates.all();
  out.stream = stream;
  out.split = run.settings.split;
  out.resolution = run.render.resolution > 0 ? run.render.resolution : run.adapted.resolution();
  out.styles = [run, stream](std::int64_t count) { return run.styles(count, stream); };
  out.images = [run](const Tensor& w, std::int64_t first) {
    auto render = run.render;
    render.first_sample += first;
    return run.adapted.synthesize(w, render);
  };
  out.global_loss = [run](const Tensor& images) { return run.global_loss(images); };
  out.weight_gradients = [run, stream](std::int64_t count) { return run.weight_gradients(count, stream); };
  out.change = [run](std::size_t layer) { return run.change(layer); };
  out.weight = [run](std::size_t layer, std::size_t slot) { return run.weight(layer, slot); };
  return out;
}

}  // namespace nada
