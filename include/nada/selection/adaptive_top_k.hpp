/// Chooses layers as the StyleGAN-NADA paper does.
#pragma once
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/parallel.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// Styles w+ walk down the global loss; the k styles that moved most are chosen, and the
/// convolutions that read them train.
///     w_0 = map(z),  w_{i+1} = w_i - rate dL_global/dw_i                  [B, L, D]
///     score_l = mean_{n,d} |w_steps - w_0|_{n,l,d}                        [L]
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 4.2 (adaptive layer freezing). The paper runs the loss
///          on styles of 8 images; the official code takes one step of plain gradient descent with rate 0.01.
/// Facts:   scores do not depend on the layers' names; of equal scores the coarser style comes first.
/// Errors:  k larger than the number of styles that convolutions read; no such style.
struct AdaptiveTopK {
  std::size_t k = 0;  // styles to choose; 0: two thirds of them
  std::int64_t batch = 8, steps = 1;
  double rate = 0.01;
  std::int64_t chunk = 0;  // samples whose images are in memory at once; 0: as many as fill eight pictures of 256 px
  std::size_t of = 0;      // > 0: k is a share, k of every `of` styles, for generators of any size

  /// Walk holds the styles at the start and their change, both [B, L, D], and the loss at each step.
  struct Walk {
    Tensor start, change;
    std::vector<double> losses;
  };
  /// Walks as probe.split says: that many parts of the samples at the same time.
  Walk walk(const Probe& probe) const {
    Walk out{probe.styles(batch).detach(), {}, {}};
    out.change = torch::zeros_like(out.start);  // the change is summed by itself: w - start would lose digits
    const auto count = out.start.size(0), at_once = samples_at_once(count, probe.resolution);
    for (std::int64_t i = 0; i < steps; ++i) {
      auto& losses = out.losses.emplace_back(0);
      std::vector<Tensor> gradients;
      for (std::int64_t first = 0; first < count; first += at_once) {  // the loss is a mean over samples
        const auto n = std::min(at_once, count - first), parts = std::clamp<std::int64_t>(probe.split, 1, n);
        std::vector<Descent> found(static_cast<std::size_t>(parts));
        const auto descend = [&](int p) {
          const auto begin = first + n * p / parts, end = first + n * (p + 1) / parts;
          found[static_cast<std::size_t>(p)] = descent(probe, out.start + out.change, begin, end);
        };
        if (is_split_worthwhile(found.size(), out.start.device().is_cpu()))
          for_each_in_threads(static_cast<int>(parts), descend);
        else
          for (int p = 0; p < parts; ++p) descend(p);
        for (auto& [loss, gradient] : found) {
          losses += loss;
          gradients.push_back(std::move(gradient));
        }
      }
      out.change = out.change - rate * (gradients.size() == 1 ? gradients[0] : torch::cat(gradients));
    }
    return out;
  }
  /// Returns how many of `count` samples are rendered at once: the graph of one sample at 1024 px takes gigabytes.
  std::int64_t samples_at_once(std::int64_t count, int resolution) const {
    require(chunk >= 0, "AdaptiveTopK: chunk is ", chunk, ", expected at least 0");
    if (chunk > 0) return std::min(chunk, count);
    const std::int64_t pixels = std::max<std::int64_t>(1, std::int64_t{resolution} * resolution);
    return std::clamp<std::int64_t>(8 * 256 * 256 / pixels, 1, count);
  }
  /// Returns the mean |change| of each style, [L].
  Tensor scores(const Probe& probe) const { return walk(probe).change.abs().mean(at::IntArrayRef{0, 2}); }

  /// Returns the styles that candidate convolutions read.
  static std::set<int> styles_read(const Probe& probe) {
    std::set<int> read;
    for (const auto i : probe.candidates)
      if (probe.layers[i].kind == LayerKind::convolution) read.insert(probe.layers[i].style);
    return read;
  }
  /// Returns how many of the `available` styles are chosen; `who` names the selector in errors.
  std::size_t wanted(std::size_t available, std::string_view who = "AdaptiveTopK") const {
    require(available > 0, who, ": no convolution can train");
    const auto share = [&](std::size_t part, std::size_t whole) {
      return static_cast<std::size_t>(
          std::lround(static_cast<double>(part) * static_cast<double>(available) / static_cast<double>(whole)));
    };
    require(of == 0 || (k >= 1 && k <= of), who, ": ", k, " of every ", of, ", expected 1 to ", of);
    if (of > 0) return std::max<std::size_t>(1, share(k, of));
    const auto count = k ? k : share(2, 3);
    require(count <= available, who, ": k is ", k, ", but only ", available,
            " styles are read by convolutions that can train");
    return count;
  }
  /// Returns the candidate convolutions that read one of these styles.
  static LayerSet convolutions_of(const std::set<int>& styles, const Probe& probe) {
    LayerSet chosen;
    for (const auto i : probe.candidates)
      if (probe.layers[i].kind == LayerKind::convolution && styles.count(probe.layers[i].style)) chosen.push_back(i);
    return chosen;
  }

  /// Descent is what some samples add to the loss and to its gradient by their styles.
  struct Descent {
    double loss = 0;
    Tensor gradient;
  };
  /// Computes the descent of samples `first` to `end` - 1 of these styles [B, L, D].
  static Descent descent(const Probe& probe, const Tensor& styles, std::int64_t first, std::int64_t end) {
    const auto n = end - first, count = styles.size(0);
    const auto w = styles.narrow(0, first, n).detach().requires_grad_(true);
    auto loss = probe.global_loss(probe.images(w, first));
    if (n < count) loss = loss * (static_cast<double>(n) / static_cast<double>(count));
    return {loss.item<double>(), torch::autograd::grad({loss}, {w})[0]};
  }

  LayerSet select(const Probe& probe) const {
    const auto read = styles_read(probe);
    const auto count = wanted(read.size());
    const auto score = scores(probe).to(torch::kCPU, torch::kFloat64).contiguous();
    const auto* values = score.data_ptr<double>();
    std::vector<int> order(read.begin(), read.end());
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return values[a] > values[b]; });
    return convolutions_of({order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)}, probe);
  }
};

}  // namespace nada
