// Bodies of channel_statistics.hpp.
#pragma once
#include "nada/editing/channel_statistics.hpp"

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE Tensor mean_step(const Tensor& steps) {
  const auto lengths = steps.norm(2, 1, /*keepdim=*/true);
  const auto mean = at::where(lengths > 1e-9, steps / lengths.clamp_min(1e-9), at::zeros_like(steps)).mean(0);
  const auto length = mean.norm();
  return length.item<double>() > 1e-9 ? mean / length : at::zeros_like(mean);
}

}  // namespace nada
