// Bodies of adaptive_augmentation.hpp.
#pragma once
#include "nada/pretraining/adaptive_augmentation.hpp"

#include <algorithm>
#include <cstddef>

#include "nada/core/config.hpp"

namespace nada {

namespace detail {
NADA_INLINE Tensor sample_mirrored(const Tensor& images, const Tensor& x, const Tensor& y) {
  const auto n = images.size(0), channels = images.size(1), height = images.size(2), width = images.size(3);
  struct Axis {
    std::vector<Tensor> places, weights;  // of four neighbours
  };
  const auto axis = [&](const Tensor& at, std::int64_t size) {
    const auto first = at.floor();
    const auto f = at - first;
    const auto f2 = f * f, f3 = f2 * f;
    Axis out{{},
             {-0.5 * f + f2 - 0.5 * f3, 1 - 2.5 * f2 + 1.5 * f3, 0.5 * f + 2 * f2 - 1.5 * f3, -0.5 * f2 + 0.5 * f3}};
    for (int k = -1; k <= 2; ++k) {
      const auto place = (first + k).to(torch::kInt64).remainder(2 * size);
      out.places.push_back(at::minimum(place, 2 * size - 1 - place));
    }
    for (auto& weight : out.weights) weight = weight.to(images.scalar_type());
    return out;
  };
  const auto across = axis(x, width), down = axis(y, height);
  const auto flat = images.reshape({n, channels, height * width});
  Tensor out;
  for (std::size_t r = 0; r < 4; ++r) {
    const auto row = down.places[r] * width;
    for (std::size_t c = 0; c < 4; ++c) {
      const auto place = (row + across.places[c]).unsqueeze(1).expand({n, channels, x.size(1)});
      const auto part = flat.gather(2, place) * (down.weights[r] * across.weights[c]).unsqueeze(1);
      out = out.defined() ? out + part : part;
    }
  }
  return out.view_as(images);
}

}  // namespace detail

NADA_INLINE void AdaptiveAugmentation::check() const {
  require(target > -1 && target < 1, "the augmentation's target is ", target, ", expected a number in (-1, 1)");
  require(most > 0 && most <= 1, "the augmentation's largest probability is ", most, ", expected a number in (0, 1]");
  require(share() >= 0.0 && share() <= most, "the augmentation's probability is ", *share(), ", expected 0 to ", most);
  require(images >= 0 && every >= 1, "the augmentation's speed: expected images >= 0 and steps >= 1");
}

NADA_INLINE void AdaptiveAugmentation::observe(const Tensor& logits) {
  const auto signs = logits.detach().sign().sum().item<double>();
  const auto now = seen + torch::tensor({signs, static_cast<double>(logits.size(0)), 1.0}, torch::kFloat64);
  if (now[2].item<double>() < static_cast<double>(every)) {
    seen = now;
    return;
  }
  seen = torch::zeros({3}, torch::kFloat64);
  if (images <= 0) return;
  const double count = now[1].item<double>(), r = now[0].item<double>() / count;
  const double step = (r > target ? 1.0 : r < target ? -1.0 : 0.0) * count / images;
  p = torch::full({}, std::clamp(p.item<double>() + step, 0.0, most), torch::kFloat64);
}

NADA_INLINE Tensor AdaptiveAugmentation::operator()(const Tensor& batch, const Stream& stream,
                                                    std::uint64_t sub) const {
  const double probability = p.item<double>();
  if (probability == 0) return batch;
  const auto n = batch.size(0);
  const auto u = stream.uniform(Purpose::views, {n, 24}, 0, sub).to(torch::kFloat64);
  const auto z = stream.normal(Purpose::views, {n, 8}, 0, sub).to(torch::kFloat64);
  const auto chosen = [&](std::int64_t column, double share) {
    return (u.select(1, column) < share).to(u.scalar_type());
  };
  auto out = batch;
  if (const auto map = geometry_of(u, z, probability, batch.size(2), batch.size(3), chosen); map.defined())
    out = transformed(out, map);
  if (colour) {
    const auto map = colour_of(u, z, probability, chosen).to(out.options());  // [N, 3, 4]
    out = (at::matmul(map.narrow(2, 0, 3), out.flatten(2)) + map.narrow(2, 3, 1)).view_as(batch);
  }
  return out;
}

NADA_INLINE Tensor AdaptiveAugmentation::matrix(const std::vector<std::vector<Tensor>>& rows) {
  std::vector<Tensor> lines;
  for (const auto& row : rows) lines.push_back(at::stack(row, 1));
  return at::stack(lines, 1);
}

NADA_INLINE Tensor AdaptiveAugmentation::transformed(const Tensor& images, const Tensor& map) {
  const auto height = images.size(2), width = images.size(3);
  const auto options = map.options();
  const double middle_x = static_cast<double>(width - 1) / 2, middle_y = static_cast<double>(height - 1) / 2;
  const auto x = (torch::arange(width, options) - middle_x).repeat({height});
  const auto y = (torch::arange(height, options) - middle_y).repeat_interleave(width);
  const auto from = at::matmul(map.narrow(1, 0, 2), at::stack({x, y, torch::ones_like(x)}, 0));  // [N, 2, H W]
  return detail::sample_mirrored(images, from.select(1, 0) + middle_x, from.select(1, 1) + middle_y);
}

}  // namespace nada
