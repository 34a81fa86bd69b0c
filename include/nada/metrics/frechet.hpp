/// Frechet distance between two sets of features.
#pragma once
#include <algorithm>

#include <Eigen/Dense>
#include <Eigen/Eigenvalues>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Squared Frechet (2-Wasserstein) distance of the Gaussians with the mean and covariance of x [N, E] and y [M, E]:
///     d = |m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x^1/2 C_y C_x^1/2)^1/2),  covariances over N - 1     >= 0
/// Source:  Heusel et al., arXiv:1706.08500 (FID); the symmetric form is Dowson and Landau (1982).
/// Facts:   0 for equal sets; of Gaussians that differ by a shift its squared length. Few samples make it larger:
/// compare
///          sets of one size only.
inline double frechet_distance(const Tensor& x, const Tensor& y) {
  require(x.dim() == 2 && y.dim() == 2 && x.size(1) == y.size(1) && x.size(0) > 1 && y.size(0) > 1,
          "Frechet distance: features of shapes ", shape_text(x.sizes()), " and ", shape_text(y.sizes()),
          ", expected [N, E] and [M, E]");
  struct Gaussian {
    Eigen::VectorXd mean;
    Eigen::MatrixXd covariance;
  };
  const auto gaussian = [](const Tensor& features) {
    const auto t = features.detach().to(torch::kCPU, torch::kFloat64);
    const auto mean = t.mean(0), centred = t - mean;
    const auto covariance = centred.t().matmul(centred).div(static_cast<double>(t.size(0) - 1)).contiguous();
    const auto e = t.size(1);
    return Gaussian{Eigen::Map<const Eigen::VectorXd>(mean.contiguous().data_ptr<double>(), e),
                    Eigen::Map<const Eigen::MatrixXd>(covariance.data_ptr<double>(), e, e)};
  };
  const auto a = gaussian(x), b = gaussian(y);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> own(a.covariance);
  const Eigen::MatrixXd root =
      own.eigenvectors() * own.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() * own.eigenvectors().transpose();
  const Eigen::MatrixXd product = root * b.covariance * root;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> both((product + product.transpose()) / 2,
                                                            Eigen::EigenvaluesOnly);
  const double overlap = both.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
  return std::max(0.0, (a.mean - b.mean).squaredNorm() + a.covariance.trace() + b.covariance.trace() - 2 * overlap);
}

}  // namespace nada
