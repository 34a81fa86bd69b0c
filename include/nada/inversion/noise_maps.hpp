/// Noise inputs that are optimized with the styles.
#pragma once
#include <ATen/Functions.h>

#include <vector>

#include "nada/core/tensor.hpp"

namespace nada {

/// Keeps maps from carrying the picture: neighbours at every scale should not agree.
///     L = sum_maps sum_scales mean(n shift_x(n))^2 + mean(n shift_y(n))^2,  scales by 2x2 means down to 8 pixels
/// `maps` [N, 1, r, r] each -> [N]. Shifts are cyclic and by one pixel.
/// Source:  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958, appendix D.
/// Facts:   (c^2)^2 + (c^2)^2 at every scale for a map of constant c; 0 in expectation for white noise.
inline Tensor noise_regularization(const std::vector<Tensor>& maps) {
  Tensor sum;
  for (auto map : maps) {
    for (;;) {
      const auto term =
          (map * map.roll(1, 3)).mean({1, 2, 3}).square() + (map * map.roll(1, 2)).mean({1, 2, 3}).square();
      sum = sum.defined() ? sum + term : term;
      if (map.size(3) <= 8) break;
      map = at::avg_pool2d(map, 2);
    }
  }
  return sum;
}

/// Mean 0 and deviation 1 for each map [N, 1, r, r], in place.
inline void normalize_noise(std::vector<Tensor>& maps) {
  const torch::NoGradGuard no_grad;
  for (auto& map : maps) {
    map.sub_(map.mean({1, 2, 3}, true));
    map.div_(map.square().mean({1, 2, 3}, true).sqrt().clamp_min(1e-8));
  }
}

}  // namespace nada
