// Bodies of discriminator.hpp.
#pragma once
#include "nada/pretraining/discriminator.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/generators/stylegan2_ops.hpp"

namespace nada {

namespace stylegan2 {
NADA_INLINE Tensor lowpass_kernel(std::int64_t channels, torch::TensorOptions options) {
  const auto axis = torch::tensor({0.125, 0.375, 0.375, 0.125}, torch::kFloat64);
  return at::outer(axis, axis).to(options).view({1, 1, 4, 4}).expand({channels, 1, 4, 4});
}

NADA_INLINE Tensor lowpass(const Tensor& x, std::int64_t padding, std::int64_t stride) {
  const auto channels = x.size(1);
  auto kernel = lowpass_kernel(channels, x.options());
  kernel = kernel.contiguous(x.is_contiguous() ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast);
  return at::conv2d(x, kernel, {}, stride, padding, 1, channels);
}

}  // namespace stylegan2

NADA_INLINE StyleGan2Discriminator::StyleGan2Discriminator(std::map<std::string, Tensor> tensors,
                                                           const std::string& what, DiscriminatorSettings settings)
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

NADA_INLINE void StyleGan2Discriminator::use(const std::string& name, Tensor value) {
  const auto found = tensors_.find(name);
  require(found != tensors_.end(), "the discriminator has no tensor ", name);
  require(found->second.sizes() == value.sizes(), "discriminator, ", name, ": shape ", shape_text(value.sizes()),
          ", expected ", shape_text(found->second.sizes()));
  found->second = std::move(value);
}

NADA_INLINE Tensor StyleGan2Discriminator::operator()(const Tensor& images, const Tensor& labels,
                                                      std::optional<torch::ScalarType> type) const {
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

NADA_INLINE Tensor StyleGan2Discriminator::convolution(const Tensor& x, const std::string& name, std::int64_t padding,
                                                       std::int64_t stride, double gain,
                                                       std::optional<torch::ScalarType> type, bool clamped) const {
  auto weight = tensor(name + ".weight");
  const double scale = 1 / std::sqrt(static_cast<double>(weight.numel() / weight.size(0)));
  // A 1x1 kernel that reads a stem's squares of pixels, folded into channels, equals an s x
  // s kernel that reads the pixels.
  if (weight.size(1) > x.size(1)) weight = weight.view({weight.size(0), x.size(1), stem_, stem_});
  const double out_gain = gain * stylegan2::activation_gain;  // a positive gain may come before the activation
  const auto bias = tensor(name + ".bias") * out_gain;
  auto y =
      at::conv2d(stylegan2::for_convolution(x, type), stylegan2::for_convolution(weight * (scale * out_gain), type),
                 type ? bias.to(*type) : bias, stride, padding);
  y = at::leaky_relu(y, stylegan2::leaky_slope);
  if (!clamped || !settings_.conv_clamp) return y;
  return y.clamp(-*settings_.conv_clamp * gain, *settings_.conv_clamp * gain);
}

NADA_INLINE Tensor StyleGan2Discriminator::deviation(const Tensor& x) const {
  const auto n = x.size(0), group = std::min(n, settings_.group);
  require(n % group == 0, "minibatch standard deviation in groups of ", group, ": a batch of ", n,
          " does not split into them");
  const auto grouped = x.view({group, n / group, x.size(1), x.size(2), x.size(3)});
  const auto variance = (grouped - grouped.mean(0, true)).square().mean(0);  // `var` is slow along the first dimension
  const auto spread = (variance + 1e-8).sqrt().mean(at::IntArrayRef{1, 2, 3});  // [N / G]
  return spread.repeat({group}).view({n, 1, 1, 1}).expand({n, 1, x.size(2), x.size(3)});
}

NADA_INLINE Tensor StyleGan2Discriminator::map(const Tensor& labels) const {
  auto x = stylegan2::normalize_latents(stylegan2::dense(labels, tensor("embed.weight"), tensor("embed.bias")));
  for (int k = 0; k < mapping_; ++k)
    x = stylegan2::activate(
        stylegan2::dense(x, tensor(join("mapping.", k, ".weight")), tensor(join("mapping.", k, ".bias")), /*lr=*/0.01));
  return x;
}

}  // namespace nada
