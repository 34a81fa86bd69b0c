// Bodies of stylegan2.hpp.
#pragma once
#include "nada/generators/stylegan2.hpp"

#include <span>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE StyleGan2::StyleGan2(NamedTensors tensors, const std::string& what, StyleGan2Settings settings,
                                 NameInFile name_in_file)
    : settings_(settings) {
  Reader reader{{tensors, what, name_in_file}};
  const auto constant = reader.take("const.weight", {-1, 4, 4});
  mean_style_ = reader.take("mean_style", {-1});
  auto mapping = read_mapping(reader, style_size(), settings_.mapping_lr);
  mapping_ = mapping.sizes;
  mapping_layers_ = mapping.layers.size();
  layers_ = std::move(mapping.layers);
  slots_ = std::move(mapping.slots);
  add({"const", LayerKind::constant, 4, -1, {"weight"}}, {constant});
  reader.channels = constant.size(0);
  read_synthesis(reader);
  reader.finish("a StyleGAN2 generator");
  has_noise_maps_ = noise_[0].defined();
  for (const auto& map : noise_)
    require(map.defined() == has_noise_maps_, what, ": some noise maps are there and some are missing");
}

NADA_INLINE void StyleGan2::read_synthesis(Reader& reader) {
  residual_ = reader.has("conv.8.0.skip.weight");
  has_patterns_ = reader.has("conv.4.0.pattern");
  const auto has = [&](int r) { return r == 4 || reader.has(join("conv.", r, ".0.weight")); };
  int style = 0;
  for (int r = 4; has(r); r *= 2) {
    require(r <= 4096, reader.what, ": more than 4096 pixels");
    if (r > 4) read_convolution(reader, r, 0, style++);
    read_convolution(reader, r, r > 4 ? 1 : 0, style++);
    resolution_ = r;
    if (!residual_ || !has(2 * r)) read_rgb(reader, r, style);
  }
  style_count_ = style + 1;
}

NADA_INLINE void StyleGan2::read_convolution(Reader& reader, int r, int k, int style) {
  const std::string name = join("conv.", r, ".", k);
  const auto channels = reader.channels, d = style_size();
  const auto weight = reader.take(name + ".weight", {-1, channels, 3, 3});
  const auto out = weight.size(0);
  add({name, LayerKind::convolution, r, style, {"weight", "bias", "noise_strength", "affine.weight", "affine.bias"}},
      {weight, reader.take(name + ".bias", {out}), reader.take(name + ".noise_strength", {}),
       reader.take(name + ".affine.weight", {channels, d}), reader.take(name + ".affine.bias", {channels})});
  if (residual_ && k == 0 && r > 4) {
    const auto next = reader.tensors.find(join("conv.", r, ".1.weight"));
    require(next != reader.tensors.end(), reader.what, ": tensor ", reader.shown(join("conv.", r, ".1.weight")),
            " is missing");
    layers_.back().slots.push_back("skip.weight");
    slots_.back().push_back(reader.take(name + ".skip.weight", {next->second.size(0), channels, 1, 1}));
  }
  if (has_patterns_) {
    layers_.back().slots.push_back("pattern");
    slots_.back().push_back(reader.take(name + ".pattern", {r, r}));
  }
  reader.channels = out;
  noise_.push_back(reader.take_optional(join("noise.", r, ".", k), {r, r}));
}

NADA_INLINE void StyleGan2::read_rgb(Reader& reader, int r, int style) {
  const std::string name = join("rgb.", r);
  const auto channels = reader.channels;
  const auto weight = reader.take(name + ".weight", {-1, channels, 1, 1});
  if (reader.colours == 0) reader.colours = weight.size(0);
  require((reader.colours == 3 || reader.colours == 1) && weight.size(0) == reader.colours, reader.what, ": tensor ",
          reader.shown(name + ".weight"), " makes images of ", weight.size(0),
          " channels, expected 3 or 1, the same in every layer");
  add({name, LayerKind::rgb, r, style, {"weight", "bias", "affine.weight", "affine.bias"}},
      {weight, reader.take(name + ".bias", {reader.colours}),
       reader.take(name + ".affine.weight", {channels, style_size()}), reader.take(name + ".affine.bias", {channels})});
}

NADA_INLINE int StyleGan2::noise_resolution(std::size_t map) const {
  for (const auto& layer : layers_)
    if (layer.kind == LayerKind::convolution && map-- == 0) return layer.resolution;
  fail("there is no such noise map");
}

NADA_INLINE void StyleGan2::use_noise(std::size_t map, Tensor value) {
  const auto r = noise_resolution(map);
  require(value.dim() >= 2 && value.size(-1) == r && value.size(-2) == r &&
              (value.dim() == 2 || (value.dim() == 4 && value.size(1) == 1)),
          "a noise map of shape ", shape_text(value.sizes()), ", expected [", r, ", ", r, "] or [N, 1, ", r, ", ", r,
          "]");
  noise_.at(map) = std::move(value);
}

NADA_INLINE Tensor StyleGan2::map(const Tensor& z, const Tensor& labels) const {
  const auto w = map_latents(z, labels, mapping_, std::span(slots_).first(mapping_layers_));
  return w.unsqueeze(1).expand({w.size(0), style_count_, w.size(1)});
}

NADA_INLINE void StyleGan2::use(std::size_t layer, std::size_t slot, Tensor value) {
  auto& place = slots_.at(layer).at(slot);
  require(value.sizes() == place.sizes(), "layer ", layers_[layer].name, ", ", layers_[layer].slots[slot], ": shape ",
          shape_text(value.sizes()), ", expected ", shape_text(place.sizes()));
  place = std::move(value);
}

NADA_INLINE StyleGan2 StyleGan2::with_patterns() const {
  auto copy = clone();
  if (has_patterns_) return copy;
  copy.has_patterns_ = true;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    if (layers_[k].kind != LayerKind::convolution) continue;
    copy.layers_[k].slots.push_back("pattern");
    copy.slots_[k].push_back(torch::zeros({layers_[k].resolution, layers_[k].resolution}, options()));
  }
  return copy;
}

NADA_INLINE StyleGan2 StyleGan2::clone() const {
  auto copy = *this;
  for (auto& slots : copy.slots_)
    for (auto& slot : slots) slot = slot.detach().clone();
  copy.mean_style_ = mean_style_.clone();
  for (auto& map : copy.noise_)
    if (map.defined()) map = map.detach().clone();
  return copy;
}

NADA_INLINE StyleGan2 StyleGan2::to(torch::Device device, torch::ScalarType type) const {
  auto copy = *this;
  for (auto& slots : copy.slots_)
    for (auto& slot : slots) slot = slot.detach().to(device, type);
  copy.mean_style_ = mean_style_.to(device, type);
  for (auto& map : copy.noise_)
    if (map.defined()) map = map.to(device, type);
  return copy;
}

NADA_INLINE NamedTensors StyleGan2::tensors() const {
  NamedTensors out;
  for (std::size_t k = 0; k < layers_.size(); ++k)
    for (std::size_t s = 0; s < layers_[k].slots.size(); ++s)
      out[layers_[k].name + "." + layers_[k].slots[s]] = slots_[k][s].detach();
  out["mean_style"] = mean_style_;
  std::size_t map = 0;
  for (const auto& layer : layers_)
    if (layer.kind == LayerKind::convolution)
      if (const auto& values = noise_[map++]; values.defined()) out["noise" + layer.name.substr(4)] = values;
  return out;
}

NADA_INLINE void StyleGan2::add(Layer layer, std::vector<Tensor> slots) {
  layers_.push_back(std::move(layer));
  slots_.push_back(std::move(slots));
}

NADA_INLINE Tensor StyleGan2::noise_for(const Layer& layer, std::size_t map, std::int64_t n,
                                        const Render& render) const {
  if (render.noise == Noise::none) return {};
  if (render.noise == Noise::stored) {
    const auto& stored = noise_[map];
    return stored.defined() && stored.dim() == 2 ? stored.unsqueeze(0).unsqueeze(0) : stored;
  }
  const std::int64_t r = layer.resolution;
  return render.stream.normal(Purpose::noise, {n, 1, r, r}, render.first_sample, map).to(options());
}

NADA_INLINE std::string StyleGan2::content_hash() const { return nada::content_hash(tensors()); }

}  // namespace nada
