/// Means over squares.
#pragma once
#include <cstdint>

#include "nada/core/tensor.hpp"

namespace nada {

/// Returns the means over squares of 2 `radius` + 1 pixels around each pixel of images [N, C, H, W], with edges repeated: the
/// same shape. Differences of running sums cost the same for every radius, where pooling costs its square.
inline Tensor box_mean(const Tensor& images, std::int64_t radius) {
  const auto side = 2 * radius + 1;
  auto out = at::pad(images, {radius, radius, radius, radius}, "replicate");
  for (const std::int64_t dim : {2, 3}) {
    const auto sums =
        at::constant_pad_nd(out.cumsum(dim), dim == 2 ? at::IntArrayRef{0, 0, 1, 0} : at::IntArrayRef{1, 0});
    out = sums.narrow(dim, side, images.size(dim)) - sums.narrow(dim, 0, images.size(dim));
  }
  return out / static_cast<double>(side * side);
}

}  // namespace nada
