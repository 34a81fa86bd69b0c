// Another way to compute what nada computes.
#pragma once
#include <nada/generators/stylegan2_ops.hpp>

/// A modulated convolution without noise and upsampling, as public Python code computes it: weights of each sample are
/// modulated and demodulated, and one grouped convolution takes all samples. Arguments and result are those of
/// nada::stylegan2::modulated_convolution.
inline torch::Tensor new_part(const torch::Tensor& x, const torch::Tensor& w,
                              const nada::stylegan2::Convolution& layer) {
  const auto n = x.size(0), i = x.size(1), o = layer.weight.size(0);
  const auto s = nada::stylegan2::dense(w, layer.affine_weight, layer.affine_bias);  // [N, I]
  const auto scale = 1 / std::sqrt(static_cast<double>(i * 9));
  auto weight = scale * layer.weight.unsqueeze(0) * s.view({n, 1, i, 1, 1});
  weight = weight * (weight.square().sum(at::IntArrayRef{2, 3, 4}, true) + nada::stylegan2::demodulation_floor).rsqrt();
  const auto y =
      at::conv2d(x.reshape({1, n * i, x.size(2), x.size(3)}), weight.reshape({n * o, i, 3, 3}), {}, 1, 1, 1, n);
  return nada::stylegan2::activate(y.view({n, o, x.size(2), x.size(3)}) + layer.bias.view({1, o, 1, 1}));
}
