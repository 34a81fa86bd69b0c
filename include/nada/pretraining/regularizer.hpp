/// Penalties of adversarial training that are computed every few steps ("lazily") with a correspondingly larger weight.
#pragma once
#include <torch/autograd.h>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "nada/core/stateful.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Regularizer: a scalar that keeps a network smooth. `every` is the number of steps from one penalty to the next (0:
/// never). The scalar is weighed with `weight() * every`, and the optimiser is corrected by `lazy()`
/// (training/trained_leaves.hpp). A regularizer that remembers something is Stateful
/// (core/stateful.hpp). A regularizer of the discriminator is called with (discriminator, real images); a regularizer of the
/// generator with (w+ with a graph, images made of it, normal numbers shaped as the images). Smallest model: R1.
template <class R>
concept Regularizer = requires(const R& c) {
  { R::name } -> std::convertible_to<std::string_view>;
  { c.every } -> std::convertible_to<std::int64_t>;
  { c.weight() } -> std::convertible_to<double>;
};

template <class R>
consteval bool explain_regularizer() {
  static_assert(
      requires(const R& c) {
        { R::name } -> std::convertible_to<std::string_view>;
        { c.every } -> std::convertible_to<std::int64_t>;
        { c.weight() } -> std::convertible_to<double>;
      },
      "Regularizer: add `static constexpr std::string_view name`, `std::int64_t every` and `double weight() const` "
      "(docs/pretraining.md#policies)");
  static_assert(explain_state<R>());
  return true;
}

/// R1 is the squared size of the logits' gradient at real images, one number for each sample, with a
/// graph so that it can be minimised:
///     r_n = |d sum_m D(x_m) / d x_n|^2        [N], weighed gamma / 2
/// Source:  Mescheder et al., Which Training Methods for GANs do actually Converge?, arXiv:1801.04406, equation 9;
///          lazily: Karras et al., arXiv:1912.04958, section 3.1.
struct R1 {
  static constexpr std::string_view name = "r1";
  double gamma = 10;
  std::int64_t every = 16;

  double weight() const { return gamma / 2; }

  /// Returns the gradient [N, 3, H, W] of the logits [N, 1] that `score(images)` returns.
  template <class Score>
  static Tensor gradient(Score&& score, const Tensor& images) {
    const auto leaf = images.detach().requires_grad_(true);
    return torch::autograd::grad({score(leaf).sum()}, {leaf}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
  }
  /// Returns the squared size of each sample's gradient, [N, 3, H, W] -> [N].
  static Tensor per_sample(const Tensor& gradient) { return gradient.square().sum(at::IntArrayRef{1, 2, 3}); }

  template <class Score>
  Tensor operator()(Score&& score, const Tensor& images) {
    return per_sample(gradient(score, images)).mean();
  }
};

/// PathLength asks that a step in w changes the image by a fixed amount, whatever w and the direction:
///     J'y = d sum(image . y) / d w+ / sqrt(H W),  y normal                      [N, L, D]
///     l_n = sqrt(mean_l |J'y_nl|^2),   a <- a + decay (mean_n l_n - a)          [N], []
///     penalty = mean_n (l_n - a)^2                                              []
/// The gradient flows through a too, as in both reference implementations.
/// Source:  Karras et al., arXiv:1912.04958, section 3.2, equation 4.
struct PathLength {
  static constexpr std::string_view name = "path";
  double factor = 2;  // the weight
  std::int64_t every = 0;
  double decay = 0.01;
  Tensor mean = torch::zeros({});  // a

  double weight() const { return factor; }
  TensorMap state() const { return {{"mean", mean}}; }
  void restore(const TensorMap& state) { mean = state.at("mean"); }

  /// Returns the gradient J'y [N, L, D]; `noise` is y, shaped as the images, standard normal.
  static Tensor gradient(const Tensor& w_plus, const Tensor& images, const Tensor& noise) {
    const double scale = 1 / std::sqrt(static_cast<double>(images.size(2) * images.size(3)));
    return torch::autograd::grad({(images * noise).sum() * scale}, {w_plus}, {}, /*retain_graph=*/true,
                                 /*create_graph=*/true)[0];
  }
  /// Returns the lengths l_n of gradients, [N, L, D] -> [N].
  static Tensor lengths(const Tensor& gradient) { return gradient.square().sum(2).mean(1).sqrt(); }

  /// Returns the penalty; `w_plus` must be part of the images' graph.
  Tensor operator()(const Tensor& w_plus, const Tensor& images, const Tensor& noise) {
    const auto length = lengths(gradient(w_plus, images, noise));
    const auto before = mean.to(length.options());
    const auto after = before + decay * (length.mean() - before);
    mean = after.detach().to(torch::kFloat32).cpu();
    return (length - after).square().mean();
  }
};

}  // namespace nada
