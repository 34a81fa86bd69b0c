/// Metrics: the maximum mean discrepancy under a kernel, and the two distances made of it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// CubicKernel is (x . y / E + 1)^3, of features as the encoder gives them.
struct CubicKernel {
  Tensor operator()(const Tensor& x, const Tensor& y) const {
    return (x.matmul(y.t()) / static_cast<double>(x.size(1)) + 1).pow(3);
  }
};

/// GaussianKernel is exp(-|x - y|^2 / (2 sigma^2)).
struct GaussianKernel {
  double sigma = 10;
  Tensor operator()(const Tensor& x, const Tensor& y) const {
    const auto squares = x.square().sum(1, true) + y.square().sum(1).unsqueeze(0) - 2 * x.matmul(y.t());
    return (-squares.clamp_min(0) / (2 * sigma * sigma)).exp();
  }
};

/// Returns the squared maximum mean discrepancy of x [N, E] and y [M, E], unbiased, with its standard error:
///     d = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)
///     error^2 = 4 / N var_i(mean_{j != i} k(x_i, x_j) - mean_j k(x_i, y_j)) + the same with x and y exchanged
/// Source:  Gretton et al., A Kernel Two-Sample Test, JMLR 2012, lemma 6; the variance is that of the projection of the
///          U-statistic (Sutherland et al., arXiv:1611.04488, to first order).
/// Facts:   d is 0 on average where both sets come from one distribution, so that d can be negative; permutations change
///          nothing. The error is that of first order, which is too small near d = 0.
template <class Kernel>
Estimate kernel_distance(const Tensor& x, const Tensor& y, const Kernel& kernel) {
  const auto a = samples_of(x, "kernel distance", 2), b = samples_of(y, "kernel distance", 2);
  require(a.size(1) == b.size(1), "kernel distance: features of ", a.size(1), " and ", b.size(1), " numbers");
  const auto n = static_cast<double>(a.size(0)), m = static_cast<double>(b.size(0));
  const auto own = [&](const Tensor& t, double count) {  // mean over the other samples, one number for each row
    const auto k = kernel(t, t);
    return (k.sum(1) - k.diagonal()) / (count - 1);
  };
  const auto aa = own(a, n), bb = own(b, m), ab = kernel(a, b);
  Estimate out;
  out.value = (aa.mean() + bb.mean() - 2 * ab.mean()).template item<double>();
  const auto variance = [](const Tensor& t) { return t.var().template item<double>(); };
  out.error = 2 * std::sqrt(variance(aa - ab.mean(1)) / n + variance(bb - ab.mean(0)) / m);
  out.degrees = std::min(n, m) - 1;
  out.half_width = t_limit(out.degrees) * out.error;
  return out;
}

/// KernelDistance is the kernel distance (KID) of the adapted images to real pictures of the target.
/// Source:  Binkowski et al., Demystifying MMD GANs, arXiv:1801.01401.
struct KernelDistance {
  static constexpr std::string_view name = "kernel_distance";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::real;
  Estimate operator()(const Evidence& e) const {
    return kernel_distance(samples_of(e.adapted.raw, name, 2), samples_of(e.real.raw, name, 2), CubicKernel{});
  }
};

/// Cmmd is 1000 times the squared discrepancy of unit features under a Gaussian kernel of width 10.
/// Source:  Jayasumana et al., Rethinking FID, arXiv:2401.09603; there the encoder is CLIP ViT-L/14@336 and the
///          estimate keeps the diagonal; here the estimate is unbiased.
struct Cmmd {
  static constexpr std::string_view name = "cmmd";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::real;
  static constexpr double scale = 1000;
  Estimate operator()(const Evidence& e) const {
    auto out = kernel_distance(samples_of(e.adapted.unit, name, 2), samples_of(e.real.unit, name, 2), GaussianKernel{});
    out.value *= scale;
    out.error *= scale;
    out.half_width *= scale;
    return out;
  }
};

}  // namespace nada
