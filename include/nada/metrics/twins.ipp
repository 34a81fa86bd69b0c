// Bodies of twins.hpp.
#pragma once
#include "nada/metrics/twins.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

NADA_INLINE void require_twins(const Tensor& images, const Tensor& truths) {
  require(images.dim() == 4 && images.sizes() == truths.sizes(), "images of shape ", shape_text(images.sizes()),
          " and truths of shape ", shape_text(truths.sizes()), ": expected the same shape [N, 3, H, W]");
}

/// Filters images [N, 1, H, W] by the window, where it lies inside.
NADA_INLINE Tensor windowed(const Tensor& x) {
  const auto at = torch::arange(11, x.options()) - 5;
  auto axis = (at.square() / (-2 * 1.5 * 1.5)).exp();
  axis = axis / axis.sum();
  return at::conv2d(at::conv2d(x, axis.view({1, 1, 11, 1})), axis.view({1, 1, 1, 11}));
}

NADA_INLINE Tensor luma(const Tensor& images) {
  const auto x = images.to(torch::kFloat64) / 2 + 0.5;
  return 0.299 * x.narrow(1, 0, 1) + 0.587 * x.narrow(1, 1, 1) + 0.114 * x.narrow(1, 2, 1);
}

}  // namespace detail

NADA_INLINE Tensor psnr(const Tensor& images, const Tensor& truths) {
  detail::require_twins(images, truths);
  const auto clamped = [](const Tensor& x) { return x.to(torch::kFloat64).clamp(-1, 1); };
  const auto error = (clamped(images) - clamped(truths)).square().mean(at::IntArrayRef{1, 2, 3});
  return 10 * (4 / error.clamp_min(1e-12)).log10();
}

NADA_INLINE Tensor ssim(const Tensor& images, const Tensor& truths) {
  detail::require_twins(images, truths);
  require(images.size(2) >= 11 && images.size(3) >= 11, "images of ", images.size(3), " x ", images.size(2),
          " pixels: structural similarity needs at least 11 a side");
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  const auto a = detail::luma(images), b = detail::luma(truths);
  const auto ma = detail::windowed(a), mb = detail::windowed(b);
  const auto va = detail::windowed(a * a) - ma * ma, vb = detail::windowed(b * b) - mb * mb;
  const auto both = detail::windowed(a * b) - ma * mb;
  const auto map = (2 * ma * mb + c1) * (2 * both + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
  return map.mean(at::IntArrayRef{1, 2, 3});
}

NADA_INLINE Tensor finds_own(const Tensor& images, const Tensor& truths) {
  detail::require_twins(images, truths);
  const auto flat = [](const Tensor& x) { return x.to(torch::kFloat64).flatten(1); };
  const auto nearest = at::cdist(flat(images), flat(truths)).argmin(1);
  return nearest.eq(torch::arange(images.size(0), nearest.options())).to(torch::kFloat64);
}

NADA_INLINE Tensor TwinFeatures::feature_distance(const Evidence& e) {
  require(e.truth.tokens.defined() && e.adapted.tokens.defined() && e.adapted.tokens.sizes() == e.truth.tokens.sizes(),
          "the samples and their truths have no feature maps of one shape");
  const auto a = e.adapted.tokens.to(torch::kFloat64).flatten(1), t = e.truth.tokens.to(torch::kFloat64).flatten(1);
  const auto spread = (t - t.mean(0, true)).square().sum(1).mean();
  require(spread.item<double>() > 0, "the truths all look alike to the encoder that measures");
  return (a - t).square().sum(1) / spread;
}

}  // namespace nada
