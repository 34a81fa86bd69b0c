// Bodies of preprocessing.hpp.
#pragma once
#include "nada/encoders/preprocessing.hpp"

#include <algorithm>
#include <cstddef>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE CropGeometry crop_geometry(std::int64_t height, std::int64_t width, std::int64_t size) {
  require(height > 0 && width > 0 && size > 0, "an image of ", height, " x ", width, " pixels cannot be made ", size,
          " pixels");
  const auto other = size * std::max(height, width) / std::min(height, width);
  const auto h = height <= width ? size : other, w = height <= width ? other : size;
  const auto offset = [&](std::int64_t edge) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(edge - size) / 2.0));
  };
  return {h, w, offset(h), offset(w)};
}

NADA_INLINE Tensor Preprocessing::operator()(const Tensor& images) const {
  require(images.dim() == 4 && images.size(1) == 3, "images of shape ", shape_text(images.sizes()),
          ", expected [N, 3, H, W]");
  const auto g = fit == Fit::crop ? crop_geometry(images.size(2), images.size(3), size)
                                  : CropGeometry{.height = size, .width = size, .top = 0, .left = 0};
  auto x = images;
  if (g.height != x.size(2) || g.width != x.size(3)) {
    if (filter == ResizeFilter::bilinear)
      x = antialias ? at::_upsample_bilinear2d_aa(x, {g.height, g.width}, false)
                    : at::upsample_bilinear2d(x, {g.height, g.width}, false);
    else
      x = antialias ? at::_upsample_bicubic2d_aa(x, {g.height, g.width}, false)
                    : at::upsample_bicubic2d(x, {g.height, g.width}, false);
  }
  if (g.height != size || g.width != size) x = x.narrow(2, g.top, size).narrow(3, g.left, size);
  return normalize(x);
}

NADA_INLINE Tensor Preprocessing::normalize(const Tensor& x) const {
  // ((x + 1) / 2 - mean) / deviation is computed as one scale and one offset per channel.
  std::array<double, 3> scale, offset;
  for (std::size_t c = 0; c < 3; ++c) {
    scale[c] = 0.5 / deviation[c];
    offset[c] = (0.5 - mean[c]) / deviation[c];
  }
  const auto row = [&](const std::array<double, 3>& v) {
    return torch::tensor({v[0], v[1], v[2]}, torch::kFloat64).to(x.device(), x.scalar_type()).view({1, 3, 1, 1});
  };
  return at::addcmul(row(offset), x, row(scale));
}

}  // namespace nada
