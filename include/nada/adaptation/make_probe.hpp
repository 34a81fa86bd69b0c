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

  Tensor styles(std::int64_t count, const Stream& stream) const {
    const torch::NoGradGuard no_grad;
    const auto z = training.latents(stream, Purpose::selection, count, adapted.latent_size());
    return mapper.map(z.to(candidates.options()), settings.labels);
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
    const auto images = generator.synthesize(styles(count, stream), render);
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
};

/// Returns the probe that the selector gets at the step of `stream`.
template <class G, class Es, class P, class Training>
Probe make_probe(const ProbedRun<G, Es, P, Training>& run, const Stream& stream) {
  Probe out;
  out.layers = run.adapted.layers();
  out.candidates = run.candidates.all();
  out.stream = stream;
  out.resolution = run.render.resolution > 0 ? run.render.resolution : run.adapted.resolution();
  out.styles = [run, stream](std::int64_t count) { return run.styles(count, stream); };
  out.images = [run](const Tensor& w, std::int64_t first) {
    auto render = run.render;
    render.first_sample += first;
    return run.adapted.synthesize(w, render);
  };
  out.global_loss = [run](const Tensor& images) { return run.global_loss(images); };
  out.weight_gradients = [run, stream](std::int64_t count) { return run.weight_gradients(count, stream); };
  return out;
}

}  // namespace nada
