/// Tells real images from generated ones: what a discriminator must offer, and StyleGAN2's.
/// Source: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958, section 4.1;
/// minibatch standard deviation: Karras et al., Progressive Growing of GANs, arXiv:1710.10196, section 3.
#pragma once
#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/stylegan2_ops.hpp"

namespace nada {

/// Discriminator: images [N, 3, H, W] in [-1, 1] -> logits [N, 1], high for real ones; its tensors by name, each of
/// which may be replaced by one that carries a graph. `type`: what convolutions compute in; none: the weights' type.
/// Smallest model: tests/pretraining/discriminator.cpp; the real one: StyleGan2Discriminator.
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

/// [1, 3, 3, 1] / 8 along both axes, [channels, 1, 4, 4]: the low-pass filter before a step down.
inline Tensor lowpass_kernel(std::int64_t channels, torch::TensorOptions options) {
  const auto axis = torch::tensor({0.125, 0.375, 0.375, 0.125}, torch::kFloat64);
  return at::outer(axis, axis).to(options).view({1, 1, 4, 4}).expand({channels, 1, 4, 4});
}

/// The low-pass filter with zero padding, every `stride`-th pixel of it. x [N, C, H, W].
inline Tensor lowpass(const Tensor& x, std::int64_t padding, std::int64_t stride) {
  const auto channels = x.size(1);
  auto kernel = lowpass_kernel(channels, x.options());
  kernel = kernel.contiguous(x.is_contiguous() ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast);
  return at::conv2d(x, kernel, {}, stride, padding, 1, channels);
}

/// Half the size, as between the blocks: filter and every second pixel.
inline Tensor downsample(const Tensor& image) { return lowpass(image, 1, 2); }

}  // namespace stylegan2

/// What the tensors do not say.
struct DiscriminatorSettings {
  std::int64_t group = 4;                 // samples that minibatch standard deviation compares, at most
  std::optional<double> conv_clamp = {};  // activations of convolutions are clamped to +- this
};

/// StyleGAN2's discriminator in all its forms, told by the tensors (names `<part>.<resolution>...`):
///     rgb.64.weight [C, 3 s s, 1, 1]   from RGB; where s > 1, a stem that first folds squares of s x s pixels into
///     channels,
///                                      and the resolution is that after it
///     conv.64.0.weight [C, C, 3, 3], conv.64.1.weight [C', C, 3, 3]    a block, the second of them steps down
///     skip.64.weight [C', C, 1, 1]     the way around it (residual form)
///     conv.4.0.weight [C', C + 1, 3, 3], out.0.weight [D, 16 C'], out.1.weight [1 or M, D]
///     embed.weight [M', classes], mapping.0.weight ... [M, M']   where it is class-conditional
/// With an rgb in every block it is the skip form, with neither those nor skips the plain one.
/// Facts: logits do not depend on the order of the other groups' samples; they agree with both reference
/// implementations.
class StyleGan2Discriminator {
 public:
  /// Errors: a tensor that is missing, is not used, or does not fit the others.
  explicit StyleGan2Discriminator(std::map<std::string, Tensor> tensors, const std::string& what = "discriminator",
                                  DiscriminatorSettings settings = {})
      : tensors_(std::move(tensors)), settings_(settings) {
    std::vector<std::string> known;
    const auto expect = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
      const auto found = tensors_.find(name);
      require(found != tensors_.end(), what, ": tensor ", name, " is missing");
      const auto sizes = found->second.sizes();
      bool fits = sizes.size() == shape.size();
      for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 ? sizes[i] > 0 : sizes[i] == shape[i];
      require(fits, what, ": tensor ", name, " has shape ", shape_text(sizes), ", expected ", shape_text(shape),
              " (-1: any)");
      require(found->second.is_floating_point(), what, ": tensor ", name, " does not hold floating-point numbers");
      known.push_back(name);
      return sizes;
    };
    const auto with_bias = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
      const auto sizes = expect(name + ".weight", shape);
      expect(name + ".bias", {sizes[0]});
      return sizes;
    };
    for (int r = 4; r <= 4096; r *= 2)
      if (has(join("rgb.", r, ".weight"))) first_ = r;
    require(first_ > 0, what, ": no tensor rgb.<resolution>.weight");
    const auto inputs = tensors_.at(join("rgb.", first_, ".weight")).dim() == 4
                            ? tensors_.at(join("rgb.", first_, ".weight")).size(1)
                            : 0;
    while (3 * stem_ * stem_ < inputs) stem_ *= 2;
    require(3 * stem_ * stem_ == inputs, what, ": rgb.", first_, ".weight reads ", inputs,
            " channels, expected 3, or 3 s s for a stem of s x s pixels");
    residual_ = has(join("skip.", first_, ".weight"));
    skip_ = first_ > 4 && has(join("rgb.", first_ / 2, ".weight"));
    require(!(skip_ && stem_ > 1), what, ": a stem and an rgb in every block do not go together");
    auto channels = with_bias(join("rgb.", first_), {-1, inputs, 1, 1})[0];
    for (int r = first_; r > 4; r /= 2) {
      if (skip_ && r != first_) with_bias(join("rgb.", r), {channels, 3, 1, 1});
      with_bias(join("conv.", r, ".0"), {channels, channels, 3, 3});
      const auto out = with_bias(join("conv.", r, ".1"), {-1, channels, 3, 3})[0];
      if (residual_) expect(join("skip.", r, ".weight"), {out, channels, 1, 1});
      channels = out;
    }
    if (skip_) with_bias("rgb.4", {channels, 3, 1, 1});
    channels = with_bias("conv.4.0", {-1, channels + 1, 3, 3})[0];
    const auto hidden = with_bias("out.0", {-1, channels * 16})[0];
    const auto outputs = with_bias("out.1", {-1, hidden})[0];
    if (has("embed.weight")) {
      auto width = with_bias("embed", {-1, -1})[0];
      for (; has(join("mapping.", mapping_, ".weight")); ++mapping_)
        width = with_bias(join("mapping.", mapping_), {-1, width})[0];
      require(width == outputs, what, ": labels are mapped to ", width, " numbers, images to ", outputs);
    } else {
      require(outputs == 1, what, ": out.1.weight gives ", outputs, " numbers, expected 1");
    }
    std::sort(known.begin(), known.end());
    for (const auto& [name, value] : tensors_)
      require(std::binary_search(known.begin(), known.end(), name), what, ": tensor ", name,
              " has no place in a StyleGAN2 discriminator of this size");
    require(settings_.group >= 1, what, ": minibatch standard deviation needs groups of 1 or more, found ",
            settings_.group);
  }

  int resolution() const { return first_ * static_cast<int>(stem_); }  ///< H = W
  const DiscriminatorSettings& settings() const { return settings_; }
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }

  /// Replaces a tensor; it may carry a graph.
  void use(const std::string& name, Tensor value) {
    const auto found = tensors_.find(name);
    require(found != tensors_.end(), "the discriminator has no tensor ", name);
    require(found->second.sizes() == value.sizes(), "discriminator, ", name, ": shape ", shape_text(value.sizes()),
            ", expected ", shape_text(found->second.sizes()));
    found->second = std::move(value);
  }

  /// Images [N, 3, H, W], labels [N, C] (one-hot; undefined unless class-conditional) -> logits [N, 1]. N must be a
  /// multiple of the group, or smaller.
  Tensor operator()(const Tensor& images, const Tensor& labels = {}, std::optional<torch::ScalarType> type = {}) const {
    const std::int64_t size = resolution();
    require(images.dim() == 4 && images.size(1) == 3 && images.size(2) == size && images.size(3) == size,
            "images of shape ", shape_text(images.sizes()), ", expected [N, 3, ", size, ", ", size, "]");
    require(labels.defined() == has("embed.weight"),
            labels.defined() ? "this discriminator is not class-conditional, but labels were given"
                             : "this discriminator is class-conditional: give labels");
    namespace op = stylegan2;
    Tensor image = images;
    const double half = std::sqrt(0.5);
    Tensor x;
    for (int r = first_; r > 4; r /= 2) {
      if (r == first_ || skip_) {
        const auto own = convolution(image, join("rgb.", r), 0, stem_, 1, type);
        x = x.defined() ? x + own : own;
        if (skip_) image = op::downsample(image);
      }
      auto y = convolution(x, join("conv.", r, ".0"), 1, 1, 1, type);
      y = convolution(op::lowpass(y, 2, 1), join("conv.", r, ".1"), 0, 2, residual_ ? half : 1, type);
      if (residual_) {
        const auto& weight = tensor(join("skip.", r, ".weight"));
        const double scale = half / std::sqrt(static_cast<double>(weight.size(1)));
        y = y + at::conv2d(op::downsample(x), op::for_convolution(weight * scale, type));
      }
      x = y;
    }
    if (skip_) x = x + convolution(image, "rgb.4", 0, 1, 1, type, /*clamped=*/false);
    if (first_ == 4) x = convolution(image, "rgb.4", 0, 1, 1, type);
    x = x.to(images.scalar_type()).contiguous();
    x = convolution(at::cat({x, deviation(x)}, 1), "conv.4.0", 1, 1, 1, {});
    x = op::activate(op::dense(x.flatten(1), tensor("out.0.weight"), tensor("out.0.bias")));
    x = op::dense(x, tensor("out.1.weight"), tensor("out.1.bias"));
    if (!labels.defined()) return x;
    const auto mapped = map(labels.to(x.options()));
    return (x * mapped).sum(1, true) / std::sqrt(static_cast<double>(mapped.size(1)));
  }

 private:
  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  const Tensor& tensor(const std::string& name) const { return tensors_.at(name); }

  /// sqrt(2) gain leaky_relu(W * x / sqrt(fan in) + b), clamped to +- gain conv_clamp.
  Tensor convolution(const Tensor& x, const std::string& name, std::int64_t padding, std::int64_t stride, double gain,
                     std::optional<torch::ScalarType> type, bool clamped = true) const {
    auto weight = tensor(name + ".weight");
    const double scale = 1 / std::sqrt(static_cast<double>(weight.numel() / weight.size(0)));
    // A stem's squares of pixels, folded into channels and read by a 1x1 kernel, are what an s x s kernel reads.
    if (weight.size(1) > x.size(1)) weight = weight.view({weight.size(0), x.size(1), stem_, stem_});
    const double out_gain = gain * stylegan2::activation_gain;  // positive, so that it may come before the activation
    const auto bias = tensor(name + ".bias") * out_gain;
    auto y =
        at::conv2d(stylegan2::for_convolution(x, type), stylegan2::for_convolution(weight * (scale * out_gain), type),
                   type ? bias.to(*type) : bias, stride, padding);
    y = at::leaky_relu(y, stylegan2::leaky_slope);
    if (!clamped || !settings_.conv_clamp) return y;
    return y.clamp(-*settings_.conv_clamp * gain, *settings_.conv_clamp * gain);
  }

  /// How much the samples of a group differ, as one more channel: [N, C, h, w] -> [N, 1, h, w]. Sample n belongs to
  /// group n mod (N / G).
  Tensor deviation(const Tensor& x) const {
    const auto n = x.size(0), group = std::min(n, settings_.group);
    require(n % group == 0, "minibatch standard deviation in groups of ", group, ": a batch of ", n,
            " does not split into them");
    const auto grouped = x.view({group, n / group, x.size(1), x.size(2), x.size(3)});
    const auto variance =
        (grouped - grouped.mean(0, true)).square().mean(0);  // `var` is slow along the first dimension
    const auto spread = (variance + 1e-8).sqrt().mean(at::IntArrayRef{1, 2, 3});  // [N / G]
    return spread.repeat({group}).view({n, 1, 1, 1}).expand({n, 1, x.size(2), x.size(3)});
  }

  Tensor map(const Tensor& labels) const {
    auto x = stylegan2::normalize_latents(stylegan2::dense(labels, tensor("embed.weight"), tensor("embed.bias")));
    for (int k = 0; k < mapping_; ++k)
      x = stylegan2::activate(stylegan2::dense(x, tensor(join("mapping.", k, ".weight")),
                                               tensor(join("mapping.", k, ".bias")), /*lr=*/0.01));
    return x;
  }

  std::map<std::string, Tensor> tensors_;
  DiscriminatorSettings settings_;
  int first_ = 0, mapping_ = 0;
  std::int64_t stem_ = 1;
  bool residual_ = false, skip_ = false;
};

}  // namespace nada
