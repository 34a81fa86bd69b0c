/// From a generator's images to what an encoder was trained on: resize, crop, normalise.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// The picture after resizing and the place of the centre crop, in pixels.
struct CropGeometry {
  std::int64_t height, width, top, left;
};

/// The smaller edge becomes `size`, the other trunc(size long / short); the crop is centred, ties to even.
inline CropGeometry crop_geometry(std::int64_t height, std::int64_t width, std::int64_t size) {
  require(height > 0 && width > 0 && size > 0, "an image of ", height, " x ", width, " pixels cannot be made ", size,
          " pixels");
  const auto other = size * std::max(height, width) / std::min(height, width);
  const auto h = height <= width ? size : other, w = height <= width ? other : size;
  const auto offset = [&](std::int64_t edge) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(edge - size) / 2.0));
  };
  return {h, w, offset(h), offset(w)};
}

/// Preprocessing of CLIP: (x + 1) / 2, bicubic resize of the smaller edge, centre crop, (x - mean) / deviation.
/// Values outside [-1, 1] are not clamped. An image that has the size already is not resampled.
/// With `antialias` the bicubic filter (a = -0.5) widens when shrinking, as image libraries do; without it (a = -0.75)
/// it is what the official adaptation code does to generated images.
struct Preprocessing {
  std::int64_t size = 224;
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};  // OpenAI's, of values in [0, 1]
  std::array<double, 3> deviation = {0.26862954, 0.26130258, 0.27577711};
  bool antialias = true;

  /// [N, 3, H, W] in [-1, 1] -> [N, 3, size, size]
  Tensor operator()(const Tensor& images) const {
    require(images.dim() == 4 && images.size(1) == 3, "images of shape ", shape_text(images.sizes()),
            ", expected [N, 3, H, W]");
    const auto g = crop_geometry(images.size(2), images.size(3), size);
    auto x = images;
    if (g.height != x.size(2) || g.width != x.size(3)) {
      x = antialias ? at::_upsample_bicubic2d_aa(x, {g.height, g.width}, false)
                    : at::upsample_bicubic2d(x, {g.height, g.width}, false);
    }
    if (g.height != size || g.width != size) x = x.narrow(2, g.top, size).narrow(3, g.left, size);
    // ((x + 1) / 2 - mean) / deviation as one scale and one offset per channel
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
};

}  // namespace nada
