/// Discriminators tell real images from generated images: what a discriminator must offer, and StyleGAN2's.
/// Source:  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958, section 4.1;
///          minibatch standard deviation: Karras et al., Progressive Growing of GANs, arXiv:1710.10196, section 3.
#pragma once
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "nada/core/tensor.hpp"

namespace nada {

/// Discriminator: takes images [N, 3, H, W] in [-1, 1] to logits [N, 1], which are high for real images. It gives
/// its tensors by name, and each may be replaced by a tensor that carries a graph. `type` is the type that
/// convolutions compute in; none: the weights' type. Smallest model: tests/pretraining/discriminator.cpp; the
/// real one: StyleGan2Discriminator.
template <class D>
concept Discriminator = requires(D& d, const D& c, Tensor t, std::optional<torch::ScalarType> type) {
  { c(t, /*labels=*/t, type) } -> std::same_as<Tensor>;
  { c.tensors() } -> std::convertible_to<const std::map<std::string, Tensor>&>;
  d.use(std::string(), t);
};

template <class D>
consteval bool explain_discriminator() {
  static_assert(
      requires(const D& d, Tensor t, std::optional<torch::ScalarType> type) {
        { d(t, t, type) } -> std::same_as<Tensor>;
      },
      "Discriminator: add `torch::Tensor operator()(torch::Tensor images, torch::Tensor labels, "
      "std::optional<torch::ScalarType>) const` (docs/pretraining.md#policies)");
  static_assert(
      requires(D & d, const D& c, Tensor t) {
        { c.tensors() } -> std::convertible_to<const std::map<std::string, Tensor>&>;
        d.use(std::string(), t);
      },
      "Discriminator: add `const std::map<std::string, torch::Tensor>& tensors() const` and `void use(std::string, "
      "torch::Tensor)` (docs/pretraining.md#policies)");
  return true;
}

namespace stylegan2 {

/// Returns the low-pass filter before a step down, [1, 3, 3, 1] / 8 along both axes: [channels, 1, 4, 4].
Tensor lowpass_kernel(std::int64_t channels, torch::TensorOptions options);

/// Applies the low-pass filter with zero padding to x [N, C, H, W] and keeps every `stride`-th pixel.
Tensor lowpass(const Tensor& x, std::int64_t padding, std::int64_t stride);

/// Halves the size, as between the blocks: filters and keeps every second pixel.
inline Tensor downsample(const Tensor& image) { return lowpass(image, 1, 2); }

}  // namespace stylegan2

/// DiscriminatorSettings hold the numbers that the tensors do not give.
struct DiscriminatorSettings {
  std::int64_t group = 4;                 // largest number of samples that minibatch standard deviation compares
  std::optional<double> conv_clamp = {};  // activations of convolutions are clamped to +- this number
};

/// StyleGan2Discriminator is StyleGAN2's discriminator in all its forms. The tensors decide the form
/// (names `<part>.<resolution>...`):
///     rgb.64.weight [C, 3 s s, 1, 1]       from RGB; where s > 1, a stem first folds squares of s x s pixels into
///                                          channels, and the resolution is the one after the stem
///     conv.64.0.weight [C, C, 3, 3], conv.64.1.weight [C', C, 3, 3]    a block; its second convolution steps down
///     skip.64.weight [C', C, 1, 1]         the way around a block (residual form)
///     conv.4.0.weight [C', C + 1, 3, 3], out.0.weight [D, 16 C'], out.1.weight [1 or M, D]
///     embed.weight [M', classes], mapping.0.weight ... [M, M']         in a class-conditional discriminator
/// With an rgb in every block the discriminator has the skip form, with neither those nor skips the plain form.
/// Facts:   logits do not depend on the order of the samples of other groups; they agree with
///          both reference implementations.
class StyleGan2Discriminator {
 public:
  /// Takes over tensors by name. `what` names their origin in messages.
  /// Errors:  a tensor that is missing, is not used, or does not fit the others.
  explicit StyleGan2Discriminator(std::map<std::string, Tensor> tensors, const std::string& what = "discriminator",
                                  DiscriminatorSettings settings = {});

  int resolution() const { return first_ * static_cast<int>(stem_); }  ///< H = W
  const DiscriminatorSettings& settings() const { return settings_; }
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }

  /// Replaces a tensor by `value`, which may carry a graph.
  void use(const std::string& name, Tensor value);

  /// Takes images [N, 3, H, W] and labels [N, C] (one-hot; undefined unless class-conditional) to logits [N, 1]. N must
  /// be a multiple of the group, or smaller.
  Tensor operator()(const Tensor& images, const Tensor& labels = {}, std::optional<torch::ScalarType> type = {}) const;

 private:
  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  const Tensor& tensor(const std::string& name) const { return tensors_.at(name); }

  /// Returns sqrt(2) gain leaky_relu(W * x / sqrt(fan in) + b), clamped to +- gain conv_clamp.
  Tensor convolution(const Tensor& x, const std::string& name, std::int64_t padding, std::int64_t stride, double gain,
                     std::optional<torch::ScalarType> type, bool clamped = true) const;

  /// Returns how much the samples of a group differ, as one more channel: [N, C, h, w] -> [N, 1, h, w]. Sample n
  /// belongs to group n mod (N / G).
  Tensor deviation(const Tensor& x) const;

  Tensor map(const Tensor& labels) const;

  std::map<std::string, Tensor> tensors_;
  DiscriminatorSettings settings_;
  int first_ = 0, mapping_ = 0;
  std::int64_t stem_ = 1;
  bool residual_ = false, skip_ = false;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/discriminator.ipp"
#endif
