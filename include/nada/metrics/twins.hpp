/// Metrics against known truths: for each sample the picture that it should have become.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// Returns the peak signal-to-noise ratio of each image [N, 3, H, W] to its truth, [N] in decibel: 10 log10(4 / mean (a -
/// b)^2), at most 126. Both are clamped to [-1, 1] first.
Tensor psnr(const Tensor& images, const Tensor& truths);

/// Returns the structural similarity of each image [N, 3, H, W] in [-1, 1] to its truth, [N], in [-1, 1]: of their luma
/// (0.299 R + 0.587 G + 0.114 B) in [0, 1], under a Gaussian window of 11 x 11 with deviation 1.5 where it lies inside
/// the image, with K1 = 0.01 and K2 = 0.03.
/// Source:  Wang et al., Image Quality Assessment, IEEE TIP 13 (2004).
/// Errors:  images of fewer than 11 pixels a side.
Tensor ssim(const Tensor& images, const Tensor& truths);

/// Returns for each image whether its own truth is the nearest of all truths by mean squared difference, [N] of 0 or 1.
Tensor finds_own(const Tensor& images, const Tensor& truths);

/// TwinPsnr: psnr() of the samples to their truths, a mean over samples.
struct TwinPsnr {
  static constexpr std::string_view name = "psnr";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images | Needs::truths;
  Estimate operator()(const Evidence& e) const { return mean_estimate(psnr(e.adapted_images, e.truths)); }
};

/// PsnrGain: by how many decibel a sample is nearer to its truth than the mean of all truths is, a picture that shows
/// nobody. Below 0 a sample is worse than no person at all.
struct PsnrGain {
  static constexpr std::string_view name = "psnr_gain";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images | Needs::truths;
  Estimate operator()(const Evidence& e) const {
    const auto nobody = e.truths.mean(0, true).expand_as(e.truths);
    return mean_estimate(psnr(e.adapted_images, e.truths) - psnr(nobody, e.truths));
  }
};

/// TwinSsim: ssim() of the samples to their truths, a mean over samples.
struct TwinSsim {
  static constexpr std::string_view name = "ssim";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images | Needs::truths;
  Estimate operator()(const Evidence& e) const { return mean_estimate(ssim(e.adapted_images, e.truths)); }
};

/// OwnTruth: the share of samples whose own truth is the nearest of all truths (finds_own()): the look may be right for
/// everybody and the person lost.
struct OwnTruth {
  static constexpr std::string_view name = "own_truth";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images | Needs::truths;
  Estimate operator()(const Evidence& e) const {
    return as_share(mean_estimate(finds_own(e.adapted_images, e.truths)), e.truths.size(0));
  }
};

/// TwinFeatures: how far the samples' last feature maps t lie from those of their truths, in the encoder that measures:
///     mean_n |t(adapted_n) - t(truth_n)|^2 / mean_n |t(truth_n) - mean t(truth)|^2        >= 0
/// 0 is the truth itself, 1 as far as the mean of all truths.
/// Errors:  truths that all look alike to the encoder.
struct TwinFeatures {
  static constexpr std::string_view name = "twin_features";
  static constexpr bool higher_is_better = false;
  static constexpr Needs needs = Needs::truths;
  Estimate operator()(const Evidence& e) const { return mean_estimate(feature_distance(e)); }

 private:
  static Tensor feature_distance(const Evidence& e);
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/twins.ipp"
#endif
