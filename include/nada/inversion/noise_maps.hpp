/// Helpers for noise inputs that are optimized together with the styles.
#pragma once
#include <ATen/Functions.h>

#include <vector>

#include "nada/core/tensor.hpp"

namespace nada {

/// Keeps noise maps from carrying the picture: neighbouring numbers should not agree at any scale.
///     L = sum_maps sum_scales mean(n shift_x(n))^2 + mean(n shift_y(n))^2       maps [N, 1, r, r] each -> [N]
/// The scales are the map and its 2x2 means down to 8 pixels. Shifts are cyclic and by one pixel.
/// Source:  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958, appendix D.
/// Facts:   a map of constant c gives (c^2)^2 + (c^2)^2 at every scale; white noise gives 0 in expectation.
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

/// Gives each map [N, 1, r, r] mean 0 and deviation 1, in place.
inline void normalize_noise(std::vector<Tensor>& maps) {
  const torch::NoGradGuard no_grad;
  for (auto& map : maps) {
    map.sub_(map.mean({1, 2, 3}, true));
    map.div_(map.square().mean({1, 2, 3}, true).sqrt().clamp_min(1e-8));
  }
}

}  // namespace nada
