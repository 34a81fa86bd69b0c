/// Terms that compare the samples of a batch with each other, so that the batch does not become one image.
#pragma once
#include <cstdint>
#include <string_view>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Returns the features of adapted and anchor views [V N, E] as [V, N, E]: samples are paired within one view.
template <class E, Reads reads>
std::pair<Tensor, Tensor> by_view(Comparison<E, reads>& c, std::string_view term) {
  const auto n = c.adapted_images().size(0);
  require(n >= 2, "the term ", term, " compares the samples of a step: the batch is ", n, ", expected at least 2");
  const auto split = [&](const Tensor& features) { return features.view({-1, n, features.size(1)}); };
  return {split(c.adapted().unit), split(c.anchor().unit)};
}

/// Returns the places (i, j), i < j, of all pairs of n samples, each [n (n - 1) / 2].
inline std::pair<Tensor, Tensor> all_pairs(std::int64_t n, torch::Device device) {
  const auto pairs = at::triu_indices(n, n, 1, torch::TensorOptions(torch::kInt64).device(device));
  return {pairs[0], pairs[1]};
}

/// Directions between samples should be preserved:
///     L = mean_{i<j} 1 - cos(E(adapted_i) - E(adapted_j), E(anchor_i) - E(anchor_j))       []  in [0, 2]
/// Source:  Zhu et al., Mind the Gap, arXiv:2110.08398, L_clip_within, which pairs samples with one reference. Here all
///          pairs of a step count, with the floor `min_length` on the adapted difference.
/// Facts:   L is 0 with gradient 0 where all features moved by one vector; samples that became one image give 1.
/// Errors:  a batch of one sample.
struct WithinDomain {
  static constexpr std::string_view name = "within";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = false;
  double min_length = 0.05;

  template <TextImageEncoder E>
  auto bind(const E&, const auto& /*shift*/, const Endpoints&) const {
    return [floor = min_length](auto& c) -> Tensor {
      const auto [adapted, anchor] = by_view(c, name);
      const auto [i, j] = all_pairs(adapted.size(1), adapted.device());
      const auto between = [&, i = i, j = j](const Tensor& x, double least) {
        const auto d = x.index_select(1, i) - x.index_select(1, j);  // [V, pairs, E]
        return d / d.norm(2, 2, true).clamp_min(least);
      };
      return (1 - (between(adapted, floor) * between(anchor, 1e-6)).sum(2)).mean();
    };
  }
};

/// Angles between samples should be preserved:
///     L = mean_{i<j} (E(adapted_i) . E(adapted_j) - E(anchor_i) . E(anchor_j))^2           []  in [0, 4]
/// Source:  Alanov et al., HyperDomainNet, arXiv:2210.08884, the in-domain angle consistency loss (there a sum).
/// Facts:   L is 0 under any rotation of the features; L grows where samples become more alike than they were.
/// Errors:  a batch of one sample.
struct InDomainDiversity {
  static constexpr std::string_view name = "in_domain";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = false;

  template <TextImageEncoder E>
  auto bind(const E&, const auto& /*shift*/, const Endpoints&) const {
    return [](auto& c) -> Tensor {
      const auto [adapted, anchor] = by_view(c, name);
      const auto [i, j] = all_pairs(adapted.size(1), adapted.device());
      const auto cosines = [i = i, j = j](const Tensor& x) {
        return (x.index_select(1, i) * x.index_select(1, j)).sum(2);
      };
      return (cosines(adapted) - cosines(anchor)).square().mean();
    };
  }
};

}  // namespace nada
