// Views of this experiment: what the encoders see of each image.
#pragma once
#include <nada/views/views.hpp>

/// The image and its mirror image.
struct NewPart {
  torch::Tensor show(const torch::Tensor& images, const nada::Stream&) const {
    return torch::cat({images, images.flip(3)});  // [N, 3, H, W] -> [2 N, 3, H, W]
  }
};
static_assert(nada::Views<NewPart>);
