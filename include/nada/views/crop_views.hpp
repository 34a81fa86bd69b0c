/// Two views of each image: the image itself and a random crop, both with a little noise, and blurred on demand.
#pragma once
#include <cmath>
#include <cstdint>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/views/box_mean.hpp"

namespace nada {

/// View 1 is the image, view 2 a crop of the image. Each sample draws a side s uniform in [min_side, max_side] (of the
/// image's side), an offset of the centre on each axis uniform in +-max(reach - s, 0) in [-1, 1] coordinates, and
/// whether the crop is flipped left-right (half of the crops are). Crops are bilinear, with edges repeated, at the
/// input's size. With `blur`, a share uniform in [1/2, 1] of each view is then replaced by the mean over a square of
/// `blur` times the image's height (in whole pixels, odd), with edges repeated. Last, normal noise of deviation `noise`
/// is added to each view; the views are not clamped again.
/// Why:     an encoder that sees each image once is pleased by patterns of pixels; an encoder that sees two views asks
///          for content. Without a blur, edges change most easily, and a large change of flat parts (a dark background
///          around white hair) is not found.
struct CropViews {
  double min_side = 0.75, max_side = 1.05, reach = 1.04, noise = 0.05, blur = 0;

  /// Returns all images, then all crops: [N, 3, H, W] -> [2 N, 3, H, W].
  Tensor show(const Tensor& images, const Stream& stream) const {
    const auto n = images.size(0);
    const auto u = stream.uniform(Purpose::views, {n, 4}).to(images.options());  // side, x, y, flip
    const auto side = min_side + (max_side - min_side) * u.select(1, 0);         // [N]
    const auto room = (reach - side).clamp_min(0);                               // [N]
    const auto flip = at::where(u.select(1, 3) < 0.5, -torch::ones_like(side), torch::ones_like(side));
    auto theta = torch::zeros({n, 2, 3}, images.options());
    theta.select(1, 0).select(1, 0).copy_(side * flip);
    theta.select(1, 1).select(1, 1).copy_(side);
    theta.select(1, 0).select(1, 2).copy_((2 * u.select(1, 1) - 1) * room);
    theta.select(1, 1).select(1, 2).copy_((2 * u.select(1, 2) - 1) * room);
    const auto grid = at::affine_grid_generator(theta, images.sizes(), /*align_corners=*/false);
    const auto crops = at::grid_sampler(images, grid, /*bilinear=*/0, /*border=*/1, /*align_corners=*/false);
    auto views = at::cat({images, crops}, 0);
    if (const auto radius = std::llround((blur * static_cast<double>(images.size(2)) - 1) / 2); radius > 0) {
      const auto soft = box_mean(views, radius);
      const auto drawn = stream.uniform(Purpose::views, {n, 2}, 0, 3).t().reshape({2 * n, 1, 1, 1});
      views = at::lerp(views, soft, (0.5 + 0.5 * drawn).to(images.options()));
    }
    if (noise > 0) {
      const auto shape = images.sizes();
      const auto draw = [&](std::uint64_t view) { return stream.normal(Purpose::views, shape, 0, view); };
      views = views + (noise * at::cat({draw(1), draw(2)}, 0)).to(images.options());
    }
    return views;
  }
};

}  // namespace nada
