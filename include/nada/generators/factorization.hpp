/// Finds directions in W along which pictures change most.
#pragma once
#include <cstddef>
#include <set>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// Directions are rows [D, D] of unit length, orthogonal, in the order of falling strengths [D].
struct Directions {
  Tensor rows, strengths;
};

namespace detail {
/// Returns the eigenvectors of A^T A, where A are the rows [C, D] in float64, made unit; strengths are the eigenvalues.
Directions principal_directions(const Tensor& rows);
}  // namespace detail

/// Closed-form factorization: returns the eigenvectors of A^T A, where A stacks the affine weights [C_l, D] of the
/// convolutions that read the chosen styles (none named: all), each row made unit. A step along the first
/// direction moves the modulation most.
/// Source:  Shen and Zhou, Closed-Form Factorization of Latent Semantics in GANs, arXiv:2007.06600, equations 5 to 7.
/// Facts:   the method needs no samples and no training; the sign of a row makes its largest number positive.
/// Errors:  styles that no convolution reads.
template <Generator G>
Directions factorize(const G& generator, const std::set<int>& styles = {}) {
  std::vector<Tensor> rows;
  for (std::size_t k = 0; k < generator.layers().size(); ++k) {
    const auto& layer = generator.layers()[k];
    if (layer.kind != LayerKind::convolution || (!styles.empty() && styles.count(layer.style) == 0)) continue;
    for (std::size_t s = 0; s < layer.slots.size(); ++s)
      if (layer.slots[s] == "affine.weight") rows.push_back(generator.slot(k, s).detach());
  }
  require(!rows.empty(), "no convolution reads the styles that were asked for");
  return detail::principal_directions(torch::cat(rows).to(torch::kCPU, torch::kFloat64));
}

/// Returns styles w+ [N, L, D] moved by `amount` along `direction` [D], in the chosen styles (none named: all).
/// Errors:  a style that does not exist.
Tensor move_styles(const Tensor& styles, const Tensor& direction, double amount, const std::set<int>& which = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/factorization.ipp"
#endif
