/// Changes pictures before the discriminator sees them, so that it cannot learn a small set by heart.
/// Source:  Karras et al., Training Generative Adversarial Networks with Limited Data, arXiv:2006.06676.
#pragma once
#include <cmath>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stateful.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// AdversarialAugmentation: changes real and generated images alike before the discriminator sees them. The change
/// must be differentiable twice, because R1 needs second derivatives. `sub` sets apart the batches of one step.
/// After each step of the discriminator, `observe` gets the logits of the real images. `share` is
/// the number that the log shows. An augmentation that remembers something is Stateful (core/stateful.hpp).
/// Smallest model: NoAugmentation.
template <class A>
concept AdversarialAugmentation = requires(A& a, const A& c, const Tensor& t, const Stream& stream, std::uint64_t sub) {
  { A::name } -> std::convertible_to<std::string_view>;
  { c(/*images=*/t, stream, sub) } -> std::same_as<Tensor>;
  a.observe(/*logits=*/t);
  { c.share() } -> std::convertible_to<std::optional<double>>;
};

template <class A>
consteval bool explain_adversarial_augmentation() {
  static_assert(
      requires(const A& c, const Tensor& t, const Stream& stream, std::uint64_t sub) {
        { A::name } -> std::convertible_to<std::string_view>;
        { c(t, stream, sub) } -> std::same_as<Tensor>;
      },
      "AdversarialAugmentation: add `static constexpr std::string_view name` and `torch::Tensor "
      "operator()(const torch::Tensor& images, const nada::Stream&, std::uint64_t sub) const` "
      "(docs/pretraining.md#policies)");
  static_assert(
      requires(A & a, const A& c, const Tensor& t) {
        a.observe(t);
        { c.share() } -> std::convertible_to<std::optional<double>>;
      },
      "AdversarialAugmentation: add `void observe(const torch::Tensor& logits)` and `std::optional<double> share() "
      "const` "
      "(docs/pretraining.md#policies)");
  static_assert(explain_state<A>());
  return true;
}

/// NoAugmentation shows the discriminator the images as they are.
struct NoAugmentation {
  static constexpr std::string_view name = "none";
  Tensor operator()(const Tensor& images, const Stream&, std::uint64_t) const { return images; }
  void observe(const Tensor&) {}
  std::optional<double> share() const { return std::nullopt; }
};

namespace detail {

/// Reads images [N, 3, H, W] at points (x, y) [N, H W] of pixel coordinates, by bicubic interpolation (Keys, a = -1/2);
/// beyond its edges an image is mirrored. The result is linear in the images, and it is written with gather so that it
/// has second derivatives, which grid_sampler lacks. At whole coordinates the result is the pixel itself.
Tensor sample_mirrored(const Tensor& images, const Tensor& x, const Tensor& y);

}  // namespace detail

/// AdaptiveAugmentation applies each of its transformations to an image with probability p: mirrored, turned by
/// quarters, shifted by whole pixels; scaled, rotated, stretched, shifted by any amount; brightness, contrast, luma
/// flipped, hue, saturation. While p stays well below 1 the generator does not learn to imitate the augmentations,
/// because most images pass each of them unchanged. p follows how sure the discriminator is; every few steps
///     r = mean sign D(real),   p <- clamp(p + sign(r - target) * images in these steps / `images`, 0, most)
/// Strengths and order are the authors' (bgc), section 2 and appendix B. Interpolation is bicubic instead of their
/// wavelets, so that an image that nothing changes stays as it is, bit for bit.
/// Facts:   p = 0 gives the images themselves; whole shifts, mirroring and quarter turns move pixels and nothing else;
///          every transformation is affine in the image.
struct AdaptiveAugmentation {
  static constexpr std::string_view name = "adaptive";

  // Which transformations are used. Mirroring is for pictures whose left and right do not matter, quarter turns for
  // pictures whose up and down do not matter either.
  bool mirror = false, turn = false, shift = true, geometry = true, colour = true;
  double target = 0.6;
  double images = 500000;  // images in which p can go from 0 to 1; 0: p stays
  double most = 0.8;       // largest p; beyond it augmentations leak into generated images (section 2.2)
  std::int64_t every = 4;  // steps from one change of p to the next

  // How strong the transformations are.
  double largest_shift = 0.125;                                     // of the image's side
  double scale = 0.2, rotation = 1, stretch = 0.2, offset = 0.125;  // log2 deviation, of a half turn, log2, of the side
  double brightness = 0.2, contrast = 0.5, hue = 1, saturation = 1;  // deviation, log2, of a half turn, log2
  bool luma_flip = true;

  Tensor p = torch::zeros({}, torch::kFloat64);
  Tensor seen = torch::zeros({3}, torch::kFloat64);  // sum of signs, images, steps since p changed

  std::optional<double> share() const { return p.item<double>(); }
  TensorMap state() const { return {{"p", p}, {"seen", seen}}; }
  void restore(const TensorMap& state) {
    p = state.at("p");
    seen = state.at("seen");
  }

  /// Checks the settings.
  /// Errors:  a target, probability, speed or interval outside its range.
  void check() const;

  void observe(const Tensor& logits);

  /// Changes images [N, 3, H, W] -> [N, 3, H, W], not clamped.
  Tensor operator()(const Tensor& batch, const Stream& stream, std::uint64_t sub) const;

 private:
  /// Stacks columns [N], given as rows of a matrix, to matrices [N, R, C].
  static Tensor matrix(const std::vector<std::vector<Tensor>>& rows);

  /// Returns the matrices [N, 3, 3] from a place in the result to the place in the image that is drawn there, both in
  /// pixels from the middle. The result is undefined where nothing is moved.
  template <class Chosen>
  Tensor geometry_of(const Tensor& u, const Tensor& z, double share, std::int64_t height, std::int64_t width,
                     Chosen&& chosen) const {
    const auto zero = torch::zeros_like(u.select(1, 0)), one = torch::ones_like(zero);
    Tensor out;
    const auto then = [&](const Tensor& next) { out = out.defined() ? at::matmul(out, next) : next; };
    const auto scaled = [&](const Tensor& x, const Tensor& y) {  // the picture's content becomes x times as wide
      then(matrix({{1 / x, zero, zero}, {zero, 1 / y, zero}, {zero, zero, one}}));
    };
    const auto moved = [&](const Tensor& x, const Tensor& y) {
      then(matrix({{one, zero, -x}, {zero, one, -y}, {zero, zero, one}}));
    };
    const auto rotated = [&](const Tensor& angle) {
      const auto c = angle.cos(), s = angle.sin();
      then(matrix({{c, -s, zero}, {s, c, zero}, {zero, zero, one}}));
    };
    const double w = static_cast<double>(width), h = static_cast<double>(height);
    if (mirror) scaled(1 - 2 * (u.select(1, 0) * 2).floor() * chosen(1, share), one);
    if (turn) {
      require(height == width, "quarter turns need square images");
      const auto quarters = (u.select(1, 2) * 4).floor() * chosen(3, share);
      const auto c = (quarters == 0).to(u.scalar_type()) - (quarters == 2).to(u.scalar_type());
      const auto s = (quarters == 1).to(u.scalar_type()) - (quarters == 3).to(u.scalar_type());
      then(matrix({{c, -s, zero}, {s, c, zero}, {zero, zero, one}}));
    }
    if (shift) {
      const auto on = chosen(4, share) * largest_shift;
      moved(((2 * u.select(1, 5) - 1) * on * w).round(), ((2 * u.select(1, 6) - 1) * on * h).round());
    }
    if (geometry) {
      const double turned = 1 - std::sqrt(1 - share);  // two turns, around the stretch: with probability p in all
      const auto size = at::exp2(z.select(1, 0) * scale * chosen(7, share));
      scaled(size, size);
      rotated((2 * u.select(1, 8) - 1) * M_PI * rotation * chosen(9, turned));
      const auto wide = at::exp2(z.select(1, 1) * stretch * chosen(10, share));
      scaled(wide, 1 / wide);
      rotated((2 * u.select(1, 11) - 1) * M_PI * rotation * chosen(12, turned));
      const auto on = chosen(13, share) * offset;
      moved(z.select(1, 2) * on * w, z.select(1, 3) * on * h);
    }
    return out;
  }

  static Tensor transformed(const Tensor& images, const Tensor& map);

  /// Returns the matrices [N, 3, 4] from colours [r, g, b, 1] to colours [r, g, b].
  template <class Chosen>
  Tensor colour_of(const Tensor& u, const Tensor& z, double share, Chosen&& chosen) const {
    const auto n = u.size(0);
    const auto same = torch::eye(3, u.options()).unsqueeze(0);
    const auto gray = torch::full({1, 3, 3}, 1.0 / 3, u.options());  // onto the axis of grays
    const auto per_image = [&](const Tensor& x) { return x.view({n, 1, 1}); };
    auto linear = same.expand({n, 3, 3});
    auto constant = per_image(z.select(1, 4) * brightness * chosen(14, share)).expand({n, 3, 1});
    const auto then = [&](const Tensor& next) {
      linear = at::matmul(next, linear);
      constant = at::matmul(next, constant);
    };
    then(per_image(at::exp2(z.select(1, 5) * contrast * chosen(15, share))) * same);
    if (luma_flip) then(same - per_image((u.select(1, 16) * 2).floor() * chosen(17, share)) * 2 * gray);
    const auto angle = per_image((2 * u.select(1, 18) - 1) * M_PI * hue * chosen(19, share));
    const double k = 1 / std::sqrt(3.0);  // about the axis of grays (Rodrigues)
    const auto turn_right = torch::tensor({{0.0, -k, k}, {k, 0.0, -k}, {-k, k, 0.0}}, u.options()).unsqueeze(0);
    then(gray + angle.cos() * (same - gray) + angle.sin() * turn_right);
    then(gray + per_image(at::exp2(z.select(1, 6) * saturation * chosen(20, share))) * (same - gray));
    return at::cat({linear, constant}, 2);
  }
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/adaptive_augmentation.ipp"
#endif
