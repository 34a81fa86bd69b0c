/// The arithmetic of StyleGAN3: modulated convolutions, and the leaky ReLU that runs at a higher sampling rate between two
/// filters, so that it makes no frequencies that the layer's rate cannot hold.
/// Source:  Karras et al., Alias-Free Generative Adversarial Networks, arXiv:2106.12423.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "nada/core/tensor.hpp"

namespace nada::stylegan3 {

/// Returns a / b, rounded toward negative infinity, for b > 0.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return (a - ((a % b) + b) % b) / b; }

/// Returns a low-pass filter of `taps` numbers that sum to 1, [taps] in float64: a sinc with this cutoff in a Kaiser window
/// whose shape follows from the width of the transition; all frequencies in the units of the sampling rate. A radial one,
/// [taps, taps], is the jinc J1(2 pi cutoff r) / (pi r) in the product of two such windows.
/// Source:  SciPy, signal.firwin; arXiv:2106.12423, appendix C.1.
Tensor lowpass(std::int64_t taps, double cutoff, double width, double rate, bool radial = false);

/// Resampling changes the sampling rate of the last axis, [..., L] -> [..., M], by a filter f of T taps:
///     z = x with up - 1 zeros behind each number, padded by `before` and `after` zeros (negative: cropped)
///     y[m] = gain sum_t z[m down + t] f[T - 1 - t],   M = floor((L up + before + after - T) / down) + 1
/// It is computed as a product of windows of x with one small matrix.
class Resampling {
 public:
  Resampling() = default;
  /// Errors:  an input of `length` numbers that gives no output.
  Resampling(const Tensor& filter, int up, int down, std::int64_t before, std::int64_t after, std::int64_t length,
             double gain = 1);
  Tensor operator()(const Tensor& x) const;
  Resampling to(torch::Device device, torch::ScalarType type) const;
  std::int64_t size() const { return size_; }  ///< M

 private:
  Tensor matrix_;                                    // [window, outputs of a window]
  std::int64_t length_ = 0, size_ = 0, stride_ = 1;  // stride: inputs from one window to the next
  std::int64_t before_ = 0, after_ = 0;              // zeros around x, which windows fill
};

/// FilteredSettings are the constants of a filtered leaky ReLU.
struct FilteredSettings {
  int up = 1, down = 1;
  std::array<std::int64_t, 4> padding = {};  // x before, x after, y before, y after, behind the inserted zeros
  double gain = 1, slope = 0.2;
  std::optional<double> clamp = {};
  bool correlate = false;  // filters are not turned
};

/// FilteredLeakyRelu is the activation of a layer, for inputs of one size [N, C, H, W]:
///     up-fold zeros, pad, filter with up^2 `up_filter`; gain leaky_relu, clamped; filter with `down_filter`, keep each
///     down-th pixel. A filter is [T] (along both axes), [T, T], or undefined (none)
class FilteredLeakyRelu {
 public:
  FilteredLeakyRelu() = default;
  FilteredLeakyRelu(const Tensor& up_filter, const Tensor& down_filter, std::int64_t height, std::int64_t width,
                    const FilteredSettings& settings);
  Tensor operator()(const Tensor& x) const;
  FilteredLeakyRelu to(torch::Device device, torch::ScalarType type) const;

 private:
  Tensor raise(const Tensor& x) const;  // [N, C, H, W] -> [N, C, W', H']
  Tensor lower(const Tensor& x) const;  // [N, C, W', H'] -> [N, C, H'', W'']

  FilteredSettings settings_;
  bool filters_up_ = false, filters_down_ = false;
  Resampling up_x_, up_y_, down_x_, down_y_;  // of separable filters
  Tensor up_kernel_, down_kernel_;            // [T, T] of others, as a correlation of transposed pictures
};

/// Applies a modulated convolution with zeros around x:
///     s' = s / rms(s), W' = W / rms over inputs and kernel      (with `demodulate`; else s and W themselves)
///     y  = d (W' * (gain s' x)) + bias,  d = 1 / sqrt(sum_{i,k} (s'_i W'_oik)^2 + 1e-8)    (else d = 1)
/// x [N, I, H, W], weight [O, I, k, k], s [N, I], gain [] or [I] or [N, I] or undefined, bias [O] or undefined
/// -> [N, O, H + 2 padding - k + 1, ...]. With a `type` the convolution computes in that type.
/// Facts:   each sample has its own rms(s); the reference takes that of the whole batch, which differs by the 1e-8 only.
Tensor modulated_convolution(const Tensor& x, const Tensor& weight, const Tensor& s, bool demodulate,
                             std::array<std::int64_t, 2> padding, const Tensor& gain = {}, const Tensor& bias = {},
                             std::optional<torch::ScalarType> type = {});

/// FourierInput is what a generator starts from, of which w rotates and shifts the frequencies.
struct FourierInput {
  const Tensor &weight, &affine_weight, &affine_bias;  // [C, C], [4, D], [4]
  const Tensor &frequencies, &phases, &transform;      // [C, 2] (x, y), [C], [3, 3]
  std::int64_t size = 0;                               // pixels of a side
  double rate = 0, bandwidth = 0;
};

/// Returns the input's features for styles w [N, D], [N, C, size, size]:
///     (c, s, x, y) = affine(w) / |(c, s)|,  M = rotation(c, s) translation(-x, -y) transform
///     amplitude sin(2 pi (f' p + phase')),  times weight / sqrt(C)
/// p are the pixels' centres from the middle, in units of the rate; the amplitude falls from 1 at the bandwidth to 0 at half
/// the rate.
Tensor fourier_features(const Tensor& w, const FourierInput& input);

}  // namespace nada::stylegan3

#ifndef NADA_COMPILED
#include "nada/generators/stylegan3_ops.ipp"
#endif
