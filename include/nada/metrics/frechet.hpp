/// A metric: the Frechet distance between two sets of features.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Returns the squared Frechet (2-Wasserstein) distance of the Gaussians with the mean and
/// covariance of x [N, E] and y [M, E]:
///     d = |m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x^1/2 C_y C_x^1/2)^1/2),  covariances over N - 1     >= 0
/// Source:  Heusel et al., arXiv:1706.08500 (FID); the symmetric form is Dowson and Landau (1982).
/// Facts:   equal sets and their permutations give 0; Gaussians that differ by a shift give its squared length;
///          diagonal covariances give sum (s_x - s_y)^2. Few samples make d larger: compare sets of one size only.
double frechet_distance(const Tensor& x, const Tensor& y);

/// Gaussian is a mean [E] and a covariance [E, E], float64 on the processor.
struct Gaussian {
  Tensor mean, covariance;
};
/// Returns the mean of samples [N, E] and their covariance over N - 1. Errors:  fewer than 2 samples; not finite.
Gaussian gaussian_of(const Tensor& samples);
/// Returns the same distance of two Gaussians. Errors:  Gaussians of other sizes.
double frechet_distance(const Gaussian& a, const Gaussian& b);

/// Returns the same distance from the products of samples, which takes little time where either set has fewer samples than
/// there are features: with centred samples X [N, E] and Y [M, E],
///     tr (C_x^1/2 C_y C_x^1/2)^1/2 = sum of the singular values of X Y' / ((N - 1) (M - 1))^1/2
double frechet_distance_by_samples(const Tensor& x, const Tensor& y);

/// Frechet is the Frechet distance of the adapted images to real pictures of the target, in raw
/// features of the measuring encoder. The interval is the jackknife's over both sets.
struct Frechet {
  static constexpr std::string_view name = "frechet";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::real;

  Estimate operator()(const Evidence& e) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/frechet.ipp"
#endif
