/// Trains only the affine layer that makes a convolution's style.
#pragma once
#include <cstddef>
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

/// The leaves of AffineOnly are the slots affine.weight [C, D] and affine.bias [C]; all other slots stay.
/// Source:  Alanov et al., StyleDomain, arXiv:2212.10229, section 3 (affine layers), where this
///          parameterization comes near to full training.
struct AffineOnly {
  static constexpr std::string_view name = "affine";

  bool covers(const Layer& layer) const { return has_slot(layer, "affine.weight"); }
  std::vector<std::string> names(const Layer& layer) const {
    std::vector<std::string> out;
    for (const auto& slot : layer.slots)
      if (slot.starts_with("affine.")) out.push_back(slot);
    return out;
  }
  std::vector<Tensor> leaves(const Layer& layer, std::span<const Tensor> base, const Stream&) const {
    std::vector<Tensor> out;
    for (const auto& slot : names(layer))
      out.push_back(base[slot_of(layer, slot)].detach().clone().requires_grad_(true));
    return out;
  }
  std::vector<Tensor> effective(const Layer& layer, std::span<const Tensor> base,
                                std::span<const Tensor> leaves) const {
    std::vector<Tensor> out(base.begin(), base.end());
    std::size_t i = 0;
    for (const auto& slot : names(layer)) out[slot_of(layer, slot)] = leaves[i++];
    return out;
  }
};

}  // namespace nada
