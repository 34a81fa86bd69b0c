/// Tensors of images as pictures.
#pragma once
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/picture.hpp"

namespace nada {

/// Images [N, 3, H, W] in [-1, 1], clamped and rounded to 8 bits, one picture each.
std::vector<Picture> to_pictures(const Tensor& images);

/// Pictures of one size as images [N, 3, H, W] in [-1, 1]: byte / 127.5 - 1.
Tensor to_images(const std::vector<Picture>& pictures);

/// Pictures of one size as a grid of rows, without gaps; small ones are enlarged by a whole factor to at least `least`
/// pixels.
Picture make_grid(const std::vector<std::vector<Picture>>& rows, int least = 128);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/grid.ipp"
#endif
