// Bodies of stylegan3.hpp.
#pragma once
#include "nada/generators/stylegan3.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/stylegan2_ops.hpp"

namespace nada {

namespace detail {
/// Returns the name of layer L`index` among the tensors; empty where there is none.
inline std::string stylegan3_layer(const TensorMap& tensors, std::size_t index) {
  const auto prefix = join("L", index, "_");
  const auto found = tensors.lower_bound(prefix);
  if (found == tensors.end() || !found->first.starts_with(prefix)) return {};
  return found->first.substr(0, found->first.find('.'));
}
}  // namespace detail

NADA_INLINE StyleGan3::StyleGan3(TensorMap tensors, const std::string& what, const StyleGan3Settings& settings)
    : settings_(settings) {
  TensorReader reader{tensors, what};
  mean_style_ = reader.take("mean_style", {-1});
  auto mapping = read_mapping(reader, style_size(), settings_.mapping_lr);
  mapping_ = mapping.sizes;
  layers_ = std::move(mapping.layers);
  slots_ = std::move(mapping.slots);
  std::size_t count = 0;
  while (!detail::stylegan3_layer(tensors, count).empty()) ++count;
  require(count > 1, what, ": no layers (expected tensors such as L0_36_512.weight)");
  const auto first = detail::stylegan3_layer(tensors, 0);
  const auto weight = tensors.find(first + ".weight"), filter = tensors.find(first + ".down_filter");
  require(weight != tensors.end(), what, ": tensor ", first, ".weight is missing");
  require(weight->second.dim() == 4, what, ": tensor ", first, ".weight has shape ", shape_text(weight->second.sizes()),
          ", expected four dimensions");
  const bool radial = filter != tensors.end() && filter->second.dim() == 2;
  try {
    shapes_ = stylegan3_layers(settings_, static_cast<int>(count) - 1, weight->second.size(2), radial);
  } catch (const Error& error) {
    fail(what, ": ", error.what());
  }
  read_input(reader);
  first_layer_ = layers_.size();
  for (std::size_t i = 0; i < count; ++i) read_layer(reader, i);
  reader.finish("a StyleGAN3 generator");
}

NADA_INLINE void StyleGan3::read_input(TensorReader& reader) {
  const auto weight = reader.take("input.weight", {-1, -1});
  const auto c = weight.size(0);
  require(weight.size(1) == c, reader.what, ": tensor input.weight has shape ", shape_text(weight.sizes()),
          ", expected a square");
  layers_.push_back({"input",
                     LayerKind::constant,
                     static_cast<int>(shapes_.front().in_rate),
                     0,
                     {"weight", "affine.weight", "affine.bias"}});
  slots_.push_back(
      {weight, reader.take("input.affine.weight", {4, style_size()}), reader.take("input.affine.bias", {4})});
  frequencies_ = reader.take("input.freqs", {c, 2});
  phases_ = reader.take("input.phases", {c});
  transform_ = reader.take("input.transform", {3, 3});
}

NADA_INLINE void StyleGan3::read_layer(TensorReader& reader, std::size_t index) {
  const auto& shape = shapes_[index];
  const auto& what = reader.what;
  const auto name = detail::stylegan3_layer(reader.tensors, index);
  const auto channels = slots_.back()[0].size(0);  // of the layer before
  const auto weight = reader.take(name + ".weight", {shape.to_rgb ? 3 : -1, channels, shape.kernel, shape.kernel});
  const auto expected = stylegan3_name(index, shape.out_size, weight.size(0));
  require(name == expected, what, ": layer ", name, " would be ", expected, " in a generator of ", settings_.resolution,
          " pixels and ", shapes_.size() - 1, " layers, ", settings_.critical, " of them critical, with margins of ",
          settings_.margin, " pixels");
  layers_.push_back({name,
                     shape.to_rgb ? LayerKind::rgb : LayerKind::convolution,
                     static_cast<int>(shape.out_rate),
                     static_cast<int>(index) + 1,
                     {"weight", "bias", "affine.weight", "affine.bias"}});
  slots_.push_back({weight, reader.take(name + ".bias", {weight.size(0)}),
                    reader.take(name + ".affine.weight", {channels, style_size()}),
                    reader.take(name + ".affine.bias", {channels})});
  Fixed fixed;
  fixed.magnitude = reader.take(name + ".magnitude_ema", {});
  require(fixed.magnitude.item<double>() > 0, what, ": ", name, ".magnitude_ema is not above 0");
  if (shape.up_taps > 1) fixed.up_filter = reader.take(name + ".up_filter", {shape.up_taps});
  if (shape.down_taps > 1)
    fixed.down_filter = reader.take(name + ".down_filter", shape.radial ? std::vector{shape.down_taps, shape.down_taps}
                                                                        : std::vector{shape.down_taps});
  const auto in = shape.in_size + shape.kernel - 1;
  fixed.activation = stylegan3::FilteredLeakyRelu(fixed.up_filter, fixed.down_filter, in, in,
                                                  {.up = shape.up,
                                                   .down = shape.down,
                                                   .padding = shape.padding,
                                                   .gain = shape.to_rgb ? 1 : stylegan2::activation_gain,
                                                   .slope = shape.to_rgb ? 1 : stylegan2::leaky_slope,
                                                   .clamp = settings_.conv_clamp})
                         .to(weight.device(), weight.scalar_type());
  fixed_.push_back(std::move(fixed));
}

NADA_INLINE bool StyleGan3::is_radial() const {
  return std::any_of(shapes_.begin(), shapes_.end(), [](const auto& shape) { return shape.radial; });
}

NADA_INLINE Tensor StyleGan3::map(const Tensor& z, const Tensor& labels) const {
  const auto w = map_latents(z, labels, mapping_, std::span(slots_).first(first_layer_ - 1));
  return w.unsqueeze(1).expand({w.size(0), style_count(), w.size(1)});
}

NADA_INLINE void StyleGan3::require_renderable(const Tensor& styles, const Render& render) const {
  require(styles.dim() == 3 && styles.size(1) == style_count() && styles.size(2) == style_size(), "w+ of shape ",
          shape_text(styles.sizes()), ", expected [N, ", style_count(), ", ", style_size(), "]");
  require(render.resolution == 0 || render.resolution == resolution(), "no exit at ", render.resolution,
          " pixels; a StyleGAN3 generator has only one, at ", resolution());
}

NADA_INLINE Tensor StyleGan3::input(const Tensor& w) const {
  const auto& slot = slots_[first_layer_ - 1];
  const auto& shape = shapes_.front();
  return stylegan3::fourier_features(w, {.weight = slot[0],
                                         .affine_weight = slot[1],
                                         .affine_bias = slot[2],
                                         .frequencies = frequencies_,
                                         .phases = phases_,
                                         .transform = transform_,
                                         .size = shape.in_size,
                                         .rate = shape.in_rate,
                                         .bandwidth = shape.in_cutoff});
}

NADA_INLINE Tensor StyleGan3::layer(std::size_t index, const Tensor& x, const Tensor& w,
                                    std::optional<torch::ScalarType> type) const {
  const auto& slot = slots_[first_layer_ + index];
  const auto& shape = shapes_[index];
  const auto& fixed = fixed_[index];
  auto style = stylegan2::dense(w, slot[2], slot[3]);  // [N, I]
  if (shape.to_rgb) style = style * (1 / std::sqrt(static_cast<double>(slot[0].size(1) * shape.kernel * shape.kernel)));
  const auto k = shape.kernel - 1;
  return fixed.activation(stylegan3::modulated_convolution(x, slot[0], style, !shape.to_rgb, {k, k},
                                                           fixed.magnitude.rsqrt(), slot[1], type));
}

NADA_INLINE void StyleGan3::use(std::size_t layer, std::size_t slot, Tensor value) {
  auto& place = slots_.at(layer).at(slot);
  require(value.sizes() == place.sizes(), "layer ", layers_[layer].name, ", ", layers_[layer].slots[slot], ": shape ",
          shape_text(value.sizes()), ", expected ", shape_text(place.sizes()));
  place = std::move(value);
}

NADA_INLINE void StyleGan3::use_transform(const Tensor& matrix) {
  require(matrix.dim() == 2 && matrix.size(0) == 3 && matrix.size(1) == 3, "a transform of shape ",
          shape_text(matrix.sizes()), ", expected [3, 3]");
  transform_ = matrix.to(options());
}

template <class Change>
NADA_INLINE void StyleGan3::each_fixed(Change&& change) {
  for (auto* tensor : {&mean_style_, &frequencies_, &phases_, &transform_}) change(*tensor);
  for (auto& fixed : fixed_)
    for (auto* tensor : {&fixed.magnitude, &fixed.up_filter, &fixed.down_filter})
      if (tensor->defined()) change(*tensor);
}

NADA_INLINE StyleGan3 StyleGan3::clone() const {
  auto copy = *this;
  for (auto& slots : copy.slots_)
    for (auto& slot : slots) slot = slot.detach().clone();
  copy.each_fixed([](Tensor& tensor) { tensor = tensor.detach().clone(); });
  return copy;
}

NADA_INLINE StyleGan3 StyleGan3::to(torch::Device device, torch::ScalarType type) const {
  auto copy = *this;
  for (auto& slots : copy.slots_)
    for (auto& slot : slots) slot = slot.detach().to(device, type);
  copy.each_fixed([&](Tensor& tensor) { tensor = tensor.to(device, type); });
  for (auto& fixed : copy.fixed_) fixed.activation = fixed.activation.to(device, type);
  return copy;
}

NADA_INLINE TensorMap StyleGan3::tensors() const {
  TensorMap out{{"mean_style", mean_style_},
                {"input.freqs", frequencies_},
                {"input.phases", phases_},
                {"input.transform", transform_}};
  for (std::size_t k = 0; k < layers_.size(); ++k)
    for (std::size_t s = 0; s < layers_[k].slots.size(); ++s)
      out[layers_[k].name + "." + layers_[k].slots[s]] = slots_[k][s].detach();
  for (std::size_t i = 0; i < fixed_.size(); ++i) {
    const auto& name = layers_[first_layer_ + i].name;
    out[name + ".magnitude_ema"] = fixed_[i].magnitude;
    if (fixed_[i].up_filter.defined()) out[name + ".up_filter"] = fixed_[i].up_filter;
    if (fixed_[i].down_filter.defined()) out[name + ".down_filter"] = fixed_[i].down_filter;
  }
  return out;
}

NADA_INLINE std::string StyleGan3::content_hash() const { return nada::content_hash(tensors()); }

}  // namespace nada
