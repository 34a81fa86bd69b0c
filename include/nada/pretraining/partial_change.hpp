/// Makes pictures that lie between two pictures of one content: changed in a part of the picture.
#pragma once
#include <cstdint>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// PartialChanges are K pictures, each on the way from picture `from` to picture `to`.
struct PartialChanges {
  Tensor images;    // [K, 3, H, W]
  Tensor from, to;  // [K] int64
  Tensor share;     // [K] in [0, 1], how much of the change was made
  std::int64_t count() const { return images.defined() ? images.size(0) : 0; }
};

/// Makes one picture for each further picture of a content: a copy of the first picture in which one region comes from
/// the further one. The region is an area of nearly one colour (background, hair), or everything except it.
///     share = sum_region |b - a| / sum |b - a|      of the change, measured by colours
/// images [N, 3, H, W] in [-1, 1]; unit [N] int64 is the index of the first picture of the same content.
/// Source:  Yun et al., arXiv:1905.04899, section 3.1. The paper takes over rectangles, and its share is the share
///          of the area, which is wrong where little of a picture changes; with rectangles a transformer here
///          learned to be pleased by rectangles.
/// Errors:  shapes that do not fit.
inline PartialChanges change_partly(const Tensor& images, const Tensor& unit, const Stream& stream) {
  require(images.dim() == 4 && unit.dim() == 1 && unit.size(0) == images.size(0), "partial changes: images ",
          shape_text(images.sizes()), ", units ", shape_text(unit.sizes()));
  const auto n = images.size(0), height = images.size(2), width = images.size(3);
  PartialChanges out;
  out.to = (unit != torch::arange(n)).nonzero().squeeze(1);
  out.from = unit.index_select(0, out.to);
  const auto count = out.to.size(0);
  if (count == 0) return out;
  const auto a = images.index_select(0, out.from), b = images.index_select(0, out.to);
  const auto u = stream.uniform(Purpose::views, {n, 4}, 0, 4).index_select(0, out.to).to(images.options());
  const auto at = [&](std::int64_t column) { return u.select(1, column).view({count, 1, 1, 1}); };

  constexpr double near = 0.35;  // distance of colours in [-1, 1]; a background with its noise is one colour
  const auto seen = torch::where(at(2) < 0.5, a, b);
  const auto point = ((at(0) * height).floor() * width + (at(1) * width).floor()).to(torch::kInt64).view({count, 1, 1});
  const auto colour = seen.flatten(2).gather(2, point.expand({count, 3, 1})).unsqueeze(3);  // [K, 3, 1, 1]
  const auto region = (seen - colour).norm(2, at::IntArrayRef{1}, true) < near;

  const auto part = region != (at(3) < 0.5);
  out.images = torch::where(part, b, a);
  const auto change = (b - a).abs();
  out.share = (change * part).sum({1, 2, 3}) / change.sum({1, 2, 3}).clamp_min(1e-6);
  return out;
}

}  // namespace nada
