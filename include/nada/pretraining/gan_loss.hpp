/// The losses of the two networks of adversarial training.
#pragma once
#include <concepts>
#include <string_view>

#include "nada/core/tensor.hpp"

namespace nada {

/// GanLoss: gives two scalars of logits [N, 1], which the two networks minimise. Smallest model: NonSaturatingLogistic.
template <class L>
concept GanLoss = requires(const L& loss, Tensor logits) {
  { L::name } -> std::convertible_to<std::string_view>;
  { loss.discriminator(logits, logits) } -> std::same_as<Tensor>;  // of real and of generated images
  { loss.generator(logits) } -> std::same_as<Tensor>;              // of generated images
};

template <class L>
consteval bool explain_gan_loss() {
  static_assert(
      requires {
        { L::name } -> std::convertible_to<std::string_view>;
      },
      "GanLoss: add `static constexpr std::string_view name` (docs/pretraining.md#policies)");
  static_assert(
      requires(const L& loss, Tensor logits) {
        { loss.discriminator(logits, logits) } -> std::same_as<Tensor>;
        { loss.generator(logits) } -> std::same_as<Tensor>;
      },
      "GanLoss: add `torch::Tensor discriminator(torch::Tensor real, torch::Tensor fake) const` and `torch::Tensor "
      "generator(torch::Tensor fake) const` (docs/pretraining.md#policies)");
  return true;
}

/// The non-saturating logistic loss:
///     L_D = mean softplus(-D(real)) + mean softplus(D(fake)),   L_G = mean softplus(-D(fake))
/// Source:  Goodfellow et al., arXiv:1406.2661, section 3 (the form that does not saturate).
/// Facts:   a discriminator that cannot tell the images apart (logits 0) has L_D = 2 log 2, L_G = log 2.
struct NonSaturatingLogistic {
  static constexpr std::string_view name = "non-saturating logistic";
  Tensor discriminator(const Tensor& real, const Tensor& fake) const {
    return at::softplus(-real).mean() + at::softplus(fake).mean();
  }
  Tensor generator(const Tensor& fake) const { return at::softplus(-fake).mean(); }
};

/// The hinge loss:
///     L_D = mean max(0, 1 - D(real)) + mean max(0, 1 + D(fake)),   L_G = -mean D(fake)
/// Source:  Lim and Ye, Geometric GAN, arXiv:1705.02894.
struct Hinge {
  static constexpr std::string_view name = "hinge";
  Tensor discriminator(const Tensor& real, const Tensor& fake) const {
    return (1 - real).clamp_min(0).mean() + (1 + fake).clamp_min(0).mean();
  }
  Tensor generator(const Tensor& fake) const { return -fake.mean(); }
};

}  // namespace nada
