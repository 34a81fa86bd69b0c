/// One number per channel: a factor of a convolution's style.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/parameterization/slots.hpp"

namespace nada {

/// ChannelScales multiplies a convolution's style by one number for each input channel (domain modulation):
///     style = scale * affine(w),   scale [C] starts at 1
/// The scale folds into affine.weight and affine.bias. The convolutions of a 1024 px config-f
/// generator have 6,048 of these numbers.
/// Source:  Alanov et al., HyperDomainNet, arXiv:2210.08884, section 4.1 (domain-modulation technique).
struct ChannelScales {
  static constexpr std::string_view name = "channel-scales";

  bool covers(const Layer& layer) const {
    return layer.kind == LayerKind::convolution && has_slot(layer, "affine.weight") && has_slot(layer, "affine.bias");
  }
  std::vector<std::string> names(const Layer&) const { return {"channel_scale"}; }
  std::vector<Tensor> leaves(const Layer& layer, std::span<const Tensor> base, const Stream&) const {
    return {torch::ones_like(base[slot_of(layer, "affine.bias")]).requires_grad_(true)};
  }
  std::vector<Tensor> effective(const Layer& layer, std::span<const Tensor> base,
                                std::span<const Tensor> leaves) const {
    std::vector<Tensor> out(base.begin(), base.end());
    const auto weight = slot_of(layer, "affine.weight"), bias = slot_of(layer, "affine.bias");
    out[weight] = base[weight] * leaves[0].unsqueeze(1);
    out[bias] = base[bias] * leaves[0];
    return out;
  }
};

}  // namespace nada
