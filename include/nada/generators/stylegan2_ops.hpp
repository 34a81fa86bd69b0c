/// The arithmetic of StyleGAN2, arranged so that convolutions stay in the fast path: activations are scaled instead of
/// per-sample weights, and the filter of an upsampling convolution runs on each channel by itself.
/// Source:  Karras et al., arXiv:1912.04958.
#pragma once
#include <array>
#include <cmath>
#include <optional>

#include "nada/core/tensor.hpp"

namespace nada::stylegan2 {

constexpr double leaky_slope = 0.2;
inline const double activation_gain = std::sqrt(2.0);
constexpr double demodulation_floor = 1e-8;
constexpr std::array<double, 4> fir = {0.25, 0.75, 0.75, 0.25};  // [1, 3, 3, 1] with the gain 2 of upsampling, per axis

/// Returns leaky_relu(x, 0.2) sqrt(2).
inline Tensor activate(const Tensor& x) { return at::leaky_relu(x, leaky_slope).mul(activation_gain); }

/// Returns z / sqrt(mean(z^2) + 1e-8), for each row of [N, Z].
inline Tensor normalize_latents(const Tensor& z) { return z * (z.square().mean(1, true) + 1e-8).rsqrt(); }

/// Applies a dense layer with equalised learning rate:
///     y = x W' (lr / sqrt(fan in)) + lr b     x [N, I], weight [O, I], bias [O] -> [N, O]
inline Tensor dense(const Tensor& x, const Tensor& weight, const Tensor& bias, double lr = 1) {
  return at::addmm(bias * lr, x, weight.t(), 1, lr / std::sqrt(static_cast<double>(weight.size(1))));
}

/// Returns the matrix [36, 9] that takes a 3x3 kernel (ay, ax) to the four 3x3 kernels (ry, rx, jy, jx) of the
/// sub-pixel convolution. That convolution equals a transposed convolution with stride 2 followed by the FIR filter.
/// Along one axis the composite kernel is
///     k[m] = sum_{a - b + 1 = m} w[a] f[b],   y[2 q + r] = sum_j x[q + j - 1] k[r - 2 (j - 1)]
const Tensor& upsampling_map(const Tensor& like);

/// Returns the kernels of the sub-pixel convolution (see upsampling_map) in pixel_shuffle's order:
/// [O, I, 3, 3] -> [4 O, I, 3, 3].
Tensor upsampling_kernel(const Tensor& weight);

/// Applies an upsampling 3x3 convolution, x [N, I, H, W], weight [O, I, 3, 3] -> [N, O, 2H, 2W]: a transposed convolution with
/// stride 2, then the FIR filter on each channel. For x of another type than float or double it is the sub-pixel
/// convolution with upsampling_kernel, whose kernels are four times as many: LibTorch 1.13 cannot transpose such types well.
/// From 256 input channels on that costs more than the type saves: those compute in the weights' type.
Tensor upsampling_convolution(const Tensor& x, const Tensor& weight);

/// Doubles an image by zero insertion and the FIR filter: [N, C, H, W] -> [N, C, 2H, 2W].
Tensor upsample(const Tensor& image);

/// Converts x to `type` in channels-last layout (the fastest for oneDNN). Without a type, returns x unchanged.
inline Tensor for_convolution(const Tensor& x, std::optional<torch::ScalarType> type) {
  return type ? x.to(*type, /*non_blocking=*/false, /*copy=*/false, at::MemoryFormat::ChannelsLast) : x;
}

/// Convolution holds the tensors of a modulated convolution. `pattern` [H', W'] is undefined where the layer has none.
struct Convolution {
  const Tensor &weight, &bias, &noise_strength, &affine_weight, &affine_bias;
  Tensor pattern = {};
};

/// A pattern is stored divided by this number, so that an optimiser whose steps have the size of its rate moves it
/// that much faster, as `mapping_lr` does it, in the other direction, for the mapping network.
inline constexpr double pattern_gain = 10;

/// Applies a modulated, demodulated 3x3 convolution with noise, bias and activation
/// (arXiv:1912.04958, equations 1 and 3):
///     s  = A w                                    [N, I]
///     y  = d (W * (s x)),  d = 1 / sqrt(sum_{i,k} (s_i W_oik)^2 + 1e-8)
///     x' = sqrt(2) leaky_relu(y + strength noise + pattern_gain pattern + bias)
/// x [N, I, H, W], w [N, D], noise [1 or N, 1, H', W'] or undefined -> [N, O, H', W'], with H' = H or, with `up`,
/// 2 H. The result is `gain` x', clamped to +- gain `clamp`. With a `type`, the convolution and all later
/// operations compute in that type, and the result has it; the factors of input and output channels are still
/// computed in the weights' type.
Tensor modulated_convolution(const Tensor& x, const Tensor& w, const Convolution& layer, const Tensor& noise, bool up,
                             double gain = 1, std::optional<double> clamp = {},
                             std::optional<torch::ScalarType> type = {});

/// Computes the way around a residual block: a 1x1 convolution, doubled in size, times sqrt(1/2).
///     x [N, I, H, W], weight [O, I, 1, 1] -> [N, O, 2H, 2W]
Tensor shortcut(const Tensor& x, const Tensor& weight);

/// Converts to RGB: a modulated 1x1 convolution without demodulation, plus bias.
///     x [N, I, H, W] in any type, weight [3, I, 1, 1] -> [N, 3, H, W] in the weights' type
Tensor to_rgb(const Tensor& x, const Tensor& w, const Tensor& weight, const Tensor& bias, const Tensor& affine_weight,
              const Tensor& affine_bias);

}  // namespace nada::stylegan2

#ifndef NADA_COMPILED
#include "nada/generators/stylegan2_ops.ipp"
#endif
