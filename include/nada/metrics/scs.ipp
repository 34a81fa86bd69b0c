// Bodies of scs.hpp.
#pragma once
#include "nada/metrics/scs.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Tensor edge_agreement(const Tensor& a, const Tensor& b) {
  require(a.sizes() == b.sizes(), "SCS of edges of shapes ", shape_text(a.sizes()), " and ", shape_text(b.sizes()));
  const auto cut = [](const Tensor& edges) {
    return (edges.detach().clamp(0, 1) * 255).floor().cpu().to(torch::kFloat64).flatten(1) / 255;
  };
  const auto x = cut(a), y = cut(b);
  const auto both = (x * y).sum(1), all = (x.square() + y.square()).sum(1);
  return torch::where(all > 0, 2 * both / all, torch::ones_like(all));
}

NADA_INLINE Estimate Scs::operator()(const Evidence& e) const {
  const torch::NoGradGuard no_grad;
  constexpr std::int64_t piece = 10;
  require(e.adapted_images.sizes() == e.source_images.sizes(), name, ": images of shapes ",
          shape_text(e.adapted_images.sizes()), " and ", shape_text(e.source_images.sizes()));
  std::vector<Tensor> scores;
  for (std::int64_t at = 0; at < e.adapted_images.size(0); at += piece) {
    const auto n = std::min(piece, e.adapted_images.size(0) - at);
    const auto see = [&](const Tensor& images) { return edges(in_8_bits(images.narrow(0, at, n))); };
    scores.push_back(edge_agreement(see(e.adapted_images), see(e.source_images)));
  }
  return mean_estimate(torch::cat(scores));
}

}  // namespace nada
