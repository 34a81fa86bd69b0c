/// Style space: the channels that modulate a generator's convolutions.
///     s_l = A_l w_l / sqrt(D) + b_l      one number for each input channel of the convolution l, [N, C_l]
/// A number that is added to a channel of all samples is added to the bias b_l, so that every generator of affine styles
/// can be edited through its slots.
/// Source:  Wu et al., StyleSpace Analysis, arXiv:2011.12799.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/slots.hpp"

namespace nada {

/// Returns the places among the layers of the convolutions that have style channels. RGB layers are left out, as in the
/// official code of StyleCLIP.
/// Errors:  a generator without such convolutions.
template <Generator G>
std::vector<std::size_t> style_layers(const G& generator) {
  std::vector<std::size_t> out;
  for (std::size_t k = 0; k < generator.layers().size(); ++k) {
    const auto& layer = generator.layers()[k];
    if (layer.kind == LayerKind::convolution && has_slot(layer, "affine.weight") && has_slot(layer, "affine.bias"))
      out.push_back(k);
  }
  require(!out.empty(), "this generator has no style channels: none of its convolutions has an affine map");
  return out;
}

/// Returns the style channels [N, C] that styles w+ [N, L, D] give the convolution `k`.
template <Generator G>
Tensor style_channels(const G& generator, std::size_t k, const Tensor& styles) {
  const auto& layer = generator.layers()[k];
  const auto& weight = generator.slot(k, slot_of(layer, "affine.weight"));
  const auto& bias = generator.slot(k, slot_of(layer, "affine.bias"));
  return at::addmm(bias, styles.select(1, layer.style), weight.t(), 1,
                   1 / std::sqrt(static_cast<double>(weight.size(1))));
}

/// Returns a generator whose style channels are moved by `amount` times `offsets`, [C] by the name of the layer; other
/// tensors are shared with `generator`. An amount of 0 moves nothing, bit for bit.
/// Errors:  a layer that does not exist or has no style channels; another number of channels.
template <Generator G>
G move_channels(const G& generator, const TensorMap& offsets, double amount) {
  G out = generator;
  for (const auto& [name, offset] : offsets) {
    const auto k = find_layer(generator.layers(), name);
    const auto& layer = generator.layers()[k];
    require(has_slot(layer, "affine.bias"), "the layer ", name, " has no style channels");
    const auto& bias = generator.slot(k, slot_of(layer, "affine.bias"));
    require(offset.sizes() == bias.sizes(), "offsets of shape ", shape_text(offset.sizes()), " for the layer ", name,
            ", expected ", shape_text(bias.sizes()));
    if (amount != 0) out.use(k, slot_of(layer, "affine.bias"), bias.detach() + amount * offset.to(bias.options()));
  }
  return out;
}

/// Returns a generator whose style channel `c` of the convolution `k` is `value` in every sample; other tensors are shared
/// with `generator`.
template <Generator G>
G pin_channel(const G& generator, std::size_t k, std::int64_t c, double value) {
  const auto& layer = generator.layers()[k];
  const auto weight = slot_of(layer, "affine.weight"), bias = slot_of(layer, "affine.bias");
  G out = generator;
  auto rows = generator.slot(k, weight).detach().clone(), numbers = generator.slot(k, bias).detach().clone();
  rows.select(0, c).zero_();
  numbers.select(0, c).fill_(value);
  out.use(k, weight, std::move(rows));
  out.use(k, bias, std::move(numbers));
  return out;
}

}  // namespace nada
