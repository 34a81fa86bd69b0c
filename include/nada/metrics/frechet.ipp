// Bodies of frechet.hpp.
#pragma once
#include "nada/metrics/frechet.hpp"

#include <Eigen/Dense>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {
/// Returns the squared Frechet distance of Gaussians with these means and covariances.
NADA_INLINE double gaussians_distance(const Eigen::VectorXd& mean_a, const Eigen::MatrixXd& ca,
                                      const Eigen::VectorXd& mean_b, const Eigen::MatrixXd& cb) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> own(ca);
  const Eigen::MatrixXd root =
      own.eigenvectors() * own.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() * own.eigenvectors().transpose();
  const Eigen::MatrixXd product = root * cb * root;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> both((product + product.transpose()) / 2,
                                                            Eigen::EigenvaluesOnly);
  const double overlap = both.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
  return std::max(0.0, (mean_a - mean_b).squaredNorm() + ca.trace() + cb.trace() - 2 * overlap);
}
}  // namespace detail

NADA_INLINE double frechet_distance(const Tensor& x, const Tensor& y) {
  const auto a = samples_of(x, "Frechet distance", 2), b = samples_of(y, "Frechet distance", 2);
  require(a.size(1) == b.size(1), "Frechet distance: features of ", a.size(1), " and ", b.size(1), " numbers");
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto view = [](const Tensor& t) {
    return Eigen::Map<const Matrix>(t.data_ptr<double>(), t.size(0), t.size(1));
  };
  const auto covariance = [](const Eigen::Map<const Matrix>& samples, Eigen::VectorXd& mean) -> Eigen::MatrixXd {
    mean = samples.colwise().mean().transpose();
    const Matrix centred = samples.rowwise() - mean.transpose();
    return centred.transpose() * centred / static_cast<double>(samples.rows() - 1);
  };
  Eigen::VectorXd mean_a, mean_b;
  const Eigen::MatrixXd ca = covariance(view(a), mean_a), cb = covariance(view(b), mean_b);
  return detail::gaussians_distance(mean_a, ca, mean_b, cb);
}

NADA_INLINE Gaussian gaussian_of(const Tensor& samples) {
  const auto x = samples_of(samples, "Frechet distance", 2);
  const auto mean = x.mean(0);
  const auto centred = x - mean;
  return {mean, centred.t().matmul(centred) / static_cast<double>(x.size(0) - 1)};
}

NADA_INLINE double frechet_distance(const Gaussian& a, const Gaussian& b) {
  require(a.mean.sizes() == b.mean.sizes(), "Frechet distance: features of ", a.mean.numel(), " and ", b.mean.numel(),
          " numbers");
  const auto vector = [](const Tensor& t) -> Eigen::VectorXd {
    return Eigen::Map<const Eigen::VectorXd>(t.data_ptr<double>(), t.numel());
  };
  const auto matrix = [](const Tensor& t) -> Eigen::MatrixXd {  // symmetric, so that rows are columns
    return Eigen::Map<const Eigen::MatrixXd>(t.data_ptr<double>(), t.size(0), t.size(1));
  };
  return detail::gaussians_distance(vector(a.mean), matrix(a.covariance), vector(b.mean), matrix(b.covariance));
}

NADA_INLINE double frechet_distance_by_samples(const Tensor& x, const Tensor& y) {
  const auto a = samples_of(x, "Frechet distance", 2), b = samples_of(y, "Frechet distance", 2);
  require(a.size(1) == b.size(1), "Frechet distance: features of ", a.size(1), " and ", b.size(1), " numbers");
  const auto mean_a = a.mean(0, true), mean_b = b.mean(0, true);
  const auto one = (a - mean_a) / std::sqrt(static_cast<double>(a.size(0) - 1));
  const auto other = (b - mean_b) / std::sqrt(static_cast<double>(b.size(0) - 1));
  const auto overlap = at::linalg_svdvals(one.matmul(other.t())).sum();
  const auto distance = (mean_a - mean_b).square().sum() + one.square().sum() + other.square().sum() - 2 * overlap;
  return std::max(0.0, distance.item<double>());
}

NADA_INLINE Estimate Frechet::operator()(const Evidence& e) const {
  const auto x = samples_of(e.adapted.raw, name, 2), y = samples_of(e.real.raw, name, 2);
  return jackknife_of_two(x.size(0), y.size(0), [&](const Tensor& kept, const Tensor& kept_reals) {
    return frechet_distance(x.index_select(0, kept), y.index_select(0, kept_reals));
  });
}

}  // namespace nada
