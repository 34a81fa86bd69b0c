// Bodies of stylegan2_ops.hpp.
#pragma once
#include "nada/generators/stylegan2_ops.hpp"

#include "nada/core/config.hpp"

namespace nada::stylegan2 {
NADA_INLINE const Tensor& upsampling_map(const Tensor& like) {
  static const Tensor map = [] {
    auto axis = torch::zeros({2, 3, 3}, torch::kFloat64);  // (r, j, a)
    for (int r = 0; r < 2; ++r)
      for (int j = 0; j < 3; ++j)
        for (int a = 0; a < 3; ++a)
          if (const int b = a + 1 - (r - 2 * (j - 1)); b >= 0 && b < 4) axis[r][j][a] = fir[b];
    return at::einsum("pia,qjb->pqijab", {axis, axis}).reshape({36, 9}).contiguous();
  }();
  thread_local Tensor cached;  // the map in the dtype and on the device of the last call
  if (!cached.defined() || cached.dtype() != like.dtype() || cached.device() != like.device())
    cached = map.to(like.device(), like.scalar_type());
  return cached;
}

NADA_INLINE Tensor upsampling_kernel(const Tensor& weight) {
  const auto o = weight.size(0), i = weight.size(1);
  return weight.reshape({o * i, 9})
      .matmul(upsampling_map(weight).t())
      .view({o, i, 4, 3, 3})
      .permute({0, 2, 1, 3, 4})
      .reshape({4 * o, i, 3, 3});
}

/// Input channels from which the folded form in another type than float or double is slower than the other form in float.
inline constexpr std::int64_t widest_folded = 256;

NADA_INLINE Tensor upsampling_convolution(const Tensor& x, const Tensor& weight) {
  if (const auto type = x.scalar_type(); type != torch::kFloat32 && type != torch::kFloat64) {
    if (weight.size(1) >= widest_folded)
      return for_convolution(upsampling_convolution(x.to(weight.scalar_type()).contiguous(), weight), type);
    return at::pixel_shuffle(at::conv2d(x, for_convolution(upsampling_kernel(weight), type), {}, 1, 1), 2);
  }
  static const Tensor axis = torch::tensor({fir[0], fir[1], fir[2], fir[3]}, torch::kFloat64);
  const auto o = weight.size(0);
  const auto filter = (axis.view({4, 1}) * axis).to(weight.device(), weight.scalar_type()).expand({o, 1, 4, 4});
  return at::conv2d(at::conv_transpose2d(x, weight.transpose(0, 1), {}, 2), filter, {}, 1, 1, 1, o);
}

NADA_INLINE Tensor upsample(const Tensor& image) {
  static const Tensor base = torch::tensor({0.25, 0.75, 0.0, 0.0, 0.75, 0.25}, torch::kFloat64).view({2, 3});  // (r, j)
  const auto n = image.size(0), c = image.size(1), h = image.size(2), w = image.size(3);
  const auto axis = base.to(image.device(), image.scalar_type());
  const auto kernel = (axis.view({2, 1, 3, 1}) * axis.view({1, 2, 1, 3})).view({4, 1, 3, 3});
  const auto phases = at::conv2d(image.reshape({n * c, 1, h, w}), kernel, {}, 1, 1);
  return at::pixel_shuffle(phases, 2).view({n, c, 2 * h, 2 * w});
}

NADA_INLINE Tensor modulated_convolution(const Tensor& x, const Tensor& w, const Convolution& layer,
                                         const Tensor& noise, bool up, double gain, std::optional<double> clamp,
                                         std::optional<torch::ScalarType> type) {
  const auto& weight = layer.weight;
  const auto n = x.size(0), o = weight.size(0), i = weight.size(1);
  const double scale = 1 / std::sqrt(static_cast<double>(i * weight.size(2) * weight.size(3)));
  const double out_gain = activation_gain * gain;
  const auto style = dense(w, layer.affine_weight, layer.affine_bias) * scale;                // [N, I]
  const auto energy = style.square().matmul(weight.square().sum(at::IntArrayRef{2, 3}).t());  // [N, O]
  const auto demodulation = (energy + demodulation_floor).rsqrt() * out_gain;                 // [N, O]
  const auto cast = [&](const Tensor& t) { return type ? t.to(*type) : t; };
  const auto scaled = for_convolution(x, type) * cast(style).view({n, i, 1, 1});
  auto y = up ? upsampling_convolution(scaled, weight) : at::conv2d(scaled, for_convolution(weight, type), {}, 1, 1);
  y = at::addcmul(cast(layer.bias * out_gain).view({1, o, 1, 1}), y, cast(demodulation).view({n, o, 1, 1}));
  if (noise.defined()) y = y + cast(noise * (layer.noise_strength * out_gain));
  if (layer.pattern.defined()) y = y + cast(layer.pattern * (pattern_gain * out_gain));
  y = at::leaky_relu(y, leaky_slope);
  return clamp ? y.clamp(-*clamp * gain, *clamp * gain) : y;
}

NADA_INLINE Tensor shortcut(const Tensor& x, const Tensor& weight) {
  const double scale = std::sqrt(0.5 / static_cast<double>(weight.size(1)));
  return upsample(at::conv2d(x, (weight * scale).to(x.scalar_type())));
}

NADA_INLINE Tensor to_rgb(const Tensor& x, const Tensor& w, const Tensor& weight, const Tensor& bias,
                          const Tensor& affine_weight, const Tensor& affine_bias) {
  const auto n = x.size(0), i = x.size(1), h = x.size(2), v = x.size(3);
  const auto style = dense(w, affine_weight, affine_bias) * (1 / std::sqrt(static_cast<double>(i)));  // [N, I]
  const auto kernels = weight.view({1, weight.size(0), i}) * style.view({n, 1, i});                   // [N, 3, I]
  if (x.scalar_type() != weight.scalar_type()) {  // x has another type, and so the channels-last layout
    const auto pixels = x.permute({0, 2, 3, 1}).reshape({n, h * v, i});
    const auto own = at::matmul(pixels, kernels.transpose(1, 2).to(x.scalar_type())).to(weight.scalar_type());
    return own.transpose(1, 2).reshape({n, weight.size(0), h, v}) + bias.view({1, -1, 1, 1});
  }
  return at::matmul(kernels, x.reshape({n, i, h * v})).view({n, weight.size(0), h, v}) + bias.view({1, -1, 1, 1});
}

}  // namespace nada::stylegan2
