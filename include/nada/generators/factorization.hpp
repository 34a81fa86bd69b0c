/// Directions in W along which pictures change most.
#pragma once
#include <Eigen/Dense>

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// Directions [D, D] as rows of unit length, orthogonal, by falling strength [D].
struct Directions {
  Tensor rows, strengths;
};

/// Closed-form factorization: eigenvectors of A^T A, where A stacks the affine weights [C_l, D] of the convolutions
/// that read the chosen styles, each of their rows made unit. A step along the first one moves the modulation most.
/// Source:  Shen and Zhou, Closed-Form Factorization of Latent Semantics in GANs, arXiv:2007.06600, equations 5 to 7.
/// Facts:   needs no samples and no training; the sign of a row is such that its largest number is positive.
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
  const auto a = torch::cat(rows).to(torch::kCPU, torch::kFloat64);
  const auto unit = (a / a.norm(2, 1, true).clamp_min(1e-12)).contiguous();
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto d = unit.size(1);
  const Eigen::Map<const Matrix> rows_of_a(unit.data_ptr<double>(), unit.size(0), d);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(rows_of_a.transpose() * rows_of_a);
  Directions out{torch::empty({d, d}, torch::kFloat64), torch::empty({d}, torch::kFloat64)};
  auto* const to = out.rows.data_ptr<double>();
  for (std::int64_t i = 0; i < d; ++i) {  // Eigen's order is rising
    const Eigen::VectorXd row = solver.eigenvectors().col(d - 1 - i);
    Eigen::Index largest = 0;
    row.cwiseAbs().maxCoeff(&largest);
    const double sign = row[largest] < 0 ? -1 : 1;
    for (std::int64_t j = 0; j < d; ++j) to[i * d + j] = sign * row[j];
    out.strengths.data_ptr<double>()[i] = solver.eigenvalues()[d - 1 - i];
  }
  return out;
}

/// w+ [N, L, D] moved by `amount` along `direction` [D], in the chosen styles (none named: all).
Tensor move_styles(const Tensor& styles, const Tensor& direction, double amount, const std::set<int>& which = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/factorization.ipp"
#endif
