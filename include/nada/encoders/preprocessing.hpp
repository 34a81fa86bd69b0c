/// From a generator's images to what an encoder was trained on: resize, crop, normalise.
#pragma once
#include <array>
#include <cstdint>

#include "nada/core/tensor.hpp"

namespace nada {

/// The picture after resizing and the place of the centre crop, in pixels.
struct CropGeometry {
  std::int64_t height, width, top, left;
};

/// The smaller edge becomes `size`, the other trunc(size long / short); the crop is centred, ties to even.
CropGeometry crop_geometry(std::int64_t height, std::int64_t width, std::int64_t size);

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
  Tensor operator()(const Tensor& images) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/preprocessing.ipp"
#endif
