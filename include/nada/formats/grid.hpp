/// Tensors of images as pictures.
#pragma once
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/picture.hpp"

namespace nada {

/// Returns images [N, 3, H, W] in [-1, 1] as one picture each, clamped and rounded to 8 bits.
std::vector<Picture> to_pictures(const Tensor& images);

/// Returns pictures of one size as images [N, 3, H, W] in [-1, 1]: byte / 127.5 - 1.
Tensor to_images(const std::vector<Picture>& pictures);

/// Puts pictures of one size into a grid of rows without gaps; small pictures are enlarged by a whole factor until a
/// side has at least `least` pixels.
Picture make_grid(const std::vector<std::vector<Picture>>& rows, int least = 128);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/grid.ipp"
#endif
