/// One number per channel: an offset of a convolution's style.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/parameterization/slots.hpp"

namespace nada {

/// StyleOffsets adds one number for each input channel to a convolution's style (StyleSpace):
///     style = affine(w) + offset,   offset [C] starts at 0
/// The offset folds into affine.bias. The convolutions of a 1024 px config-f generator have 6,048 of these numbers.
/// Source:  Alanov et al., StyleDomain, arXiv:2212.10229, section 3 (StyleSpace); Wu et
///          al., StyleSpace, arXiv:2011.12799.
struct StyleOffsets {
  static constexpr std::string_view name = "style-offsets";

  bool covers(const Layer& layer) const {
    return layer.kind == LayerKind::convolution && has_slot(layer, "affine.bias");
  }
  std::vector<std::string> names(const Layer&) const { return {"style_offset"}; }
  std::vector<Tensor> leaves(const Layer& layer, std::span<const Tensor> base, const Stream&) const {
    return {torch::zeros_like(base[slot_of(layer, "affine.bias")]).requires_grad_(true)};
  }
  std::vector<Tensor> effective(const Layer& layer, std::span<const Tensor> base,
                                std::span<const Tensor> leaves) const {
    std::vector<Tensor> out(base.begin(), base.end());
    const auto bias = slot_of(layer, "affine.bias");
    out[bias] = base[bias] + leaves[0];
    return out;
  }
};

/// SparseStyleOffsets are StyleOffsets of which only the `percent` largest in size of each layer count. The gradient
/// reaches all offsets (straight through), so that the choice can change while they train.
///     style = affine(w) + m * offset,   m_c = 1 for the ceil(percent C / 100) largest |offset_c|, else 0
/// Source:  Alanov et al., StyleDomain, arXiv:2212.10229 (StyleSpaceSparse, which keeps 20% after training).
/// Errors:  a percentage outside [1, 100].
struct SparseStyleOffsets {
  int percent = 20;

  std::string name() const { return join("style-offsets-top-", percent); }

  static Tensor largest(const Tensor& offsets, double share) {
    const auto kept = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::ceil(share * static_cast<double>(offsets.numel()))), 1, offsets.numel());
    const auto places = std::get<1>(offsets.detach().abs().topk(kept));
    return torch::zeros_like(offsets).detach().index_fill(0, places, 1);
  }
  bool covers(const Layer& layer) const { return StyleOffsets{}.covers(layer); }
  std::vector<std::string> names(const Layer& layer) const { return StyleOffsets{}.names(layer); }
  std::vector<Tensor> leaves(const Layer& layer, std::span<const Tensor> base, const Stream& stream) const {
    require(percent >= 1 && percent <= 100, "SparseStyleOffsets: ", percent, "% of the offsets, expected 1 to 100");
    return StyleOffsets{}.leaves(layer, base, stream);
  }
  std::vector<Tensor> effective(const Layer& layer, std::span<const Tensor> base,
                                std::span<const Tensor> leaves) const {
    const auto kept = largest(leaves[0], percent / 100.0) * leaves[0].detach();
    const std::array<Tensor, 1> seen{kept + (leaves[0] - leaves[0].detach())};  // value of `kept`, gradient of all
    return StyleOffsets{}.effective(layer, base, seen);
  }
};

}  // namespace nada
