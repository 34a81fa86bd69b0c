/// Prepares a generator's images for an encoder: resize, crop, normalise.
#pragma once
#include <array>
#include <cstdint>

#include "nada/core/tensor.hpp"

namespace nada {

/// CropGeometry is the picture's size after resizing and the place of the centre crop, in pixels.
struct CropGeometry {
  std::int64_t height, width, top, left;
};

/// Computes the geometry: the smaller edge becomes `size`, the other trunc(size long / short); the crop is
/// centred, ties go to even numbers.
CropGeometry crop_geometry(std::int64_t height, std::int64_t width, std::int64_t size);

/// Fit says how an image becomes a square: by its smaller edge and a centre crop, or by both edges, whatever its shape.
enum class Fit { crop, squash };

/// ResizeFilter is the filter of resizing.
enum class ResizeFilter { bicubic, bilinear };

/// Preprocessing of CLIP: (x + 1) / 2, bicubic resize of the smaller edge, centre crop, (x - mean) / deviation. SigLIP's
/// squashes, and may be bilinear. Values outside [-1, 1] are not clamped. An image that already has the size is not resampled. With `antialias` the bicubic
/// filter (a = -0.5) widens when shrinking, as in image libraries; without it the filter (a = -0.75) is the one that
/// the official adaptation code applies to generated images.
struct Preprocessing {
  std::int64_t size = 224;
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};  // OpenAI's, of values in [0, 1]
  std::array<double, 3> deviation = {0.26862954, 0.26130258, 0.27577711};
  bool antialias = true;
  Fit fit = Fit::crop;
  ResizeFilter filter = ResizeFilter::bicubic;

  /// Prepares images [N, 3, H, W] in [-1, 1] -> [N, 3, size, size].
  Tensor operator()(const Tensor& images) const;
  /// Normalises images [N, 3, H, W] in [-1, 1] at their own size.
  Tensor normalize(const Tensor& images) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/preprocessing.ipp"
#endif
