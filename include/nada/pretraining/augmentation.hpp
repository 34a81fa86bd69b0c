/// Augmentation: changes of pictures that leave their content.
#pragma once
#include <cstdint>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Augmentation takes a crop, perhaps mirrored, perhaps blurred, with another contrast and brightness and a little
/// noise; the amount of each change is drawn for each picture. Pictures of one content (equal `unit`) are changed
/// alike, so that the step between them stays.
struct Augmentation {
  double min_side = 0.75, max_side = 1.1;                 // of the crop, in sides of the image
  double mirrored = 0.5, blurred = 0.3;                   // shares of the pictures
  double contrast = 0.15, brightness = 0.1, noise = 0.1;  // largest relative change, shift, deviation in [-1, 1]

  /// Returns an augmentation whose changes are `share` in [0, 1] as strong as these; as many pictures are mirrored.
  Augmentation times(double share) const {
    return {.min_side = 1 + share * (min_side - 1),
            .max_side = 1 + share * (max_side - 1),
            .mirrored = mirrored,
            .blurred = share * blurred,
            .contrast = share * contrast,
            .brightness = share * brightness,
            .noise = share * noise};
  }

  /// Changes images [N, 3, H, W] in [-1, 1] -> [N, 3, H, W]; unit [N] is the index of the
  /// first picture of the same content.
  Tensor operator()(const Tensor& images, const Tensor& unit, const Stream& stream) const {
    const auto n = images.size(0);
    const auto u = stream.uniform(Purpose::views, {n, 8}).index_select(0, unit).to(images.options());  // [N, 8]
    const auto at = [&](std::int64_t column) { return u.select(1, column); };
    const auto side = min_side + (max_side - min_side) * at(0);
    const auto room = (1 - side).abs() + 0.05;
    auto theta = torch::zeros({n, 2, 3}, images.options());
    theta.select(1, 0).select(1, 0).copy_(side * torch::where(at(3) < mirrored, -1.0, 1.0));
    theta.select(1, 1).select(1, 1).copy_(side);
    theta.select(1, 0).select(1, 2).copy_((2 * at(1) - 1) * room);
    theta.select(1, 1).select(1, 2).copy_((2 * at(2) - 1) * room);
    const auto grid = at::affine_grid_generator(theta, images.sizes(), /*align_corners=*/false);
    auto x = at::grid_sampler(images, grid, /*bilinear=*/0, /*border=*/1, /*align_corners=*/false);
    const auto soft = at::avg_pool2d(at::pad(x, {1, 1, 1, 1}, "replicate"), 3, 1);
    const auto share = ((at(4) < blurred).to(x.scalar_type()) * at(5)).view({n, 1, 1, 1});
    x = x + share * (soft - x);
    x = x * (1 + contrast * (2 * at(6) - 1)).view({n, 1, 1, 1}) + (brightness * (2 * at(7) - 1)).view({n, 1, 1, 1});
    if (noise > 0) {
      const auto deviation = noise * stream.uniform(Purpose::views, {n, 1, 1, 1}, 0, 1).to(x.options());
      x = x + deviation * stream.normal(Purpose::views, x.sizes(), 0, 2).to(x.options());
    }
    return x.clamp(-1, 1);
  }
};

}  // namespace nada
