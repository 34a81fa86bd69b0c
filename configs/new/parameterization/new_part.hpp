// A parameterization of one's own.
#pragma once
#include <nada/parameterization/parameterization.hpp>
#include <nada/parameterization/slots.hpp>

/// One factor a layer, and its bias: weight * gain, bias + offset. Starts at the base: gain 1, offset 0.
struct NewPart {
  static constexpr std::string_view name = "new_part";
  bool covers(const nada::Layer& layer) const {
    return nada::has_slot(layer, "weight") && nada::has_slot(layer, "bias");
  }
  std::vector<std::string> names(const nada::Layer&) const { return {"gain", "offset"}; }
  std::vector<torch::Tensor> leaves(const nada::Layer& layer, std::span<const torch::Tensor> base,
                                    const nada::Stream&) const {
    const auto& bias = base[nada::slot_of(layer, "bias")];
    return {torch::ones({1}, bias.options()).requires_grad_(true), torch::zeros_like(bias).requires_grad_(true)};
  }
  std::vector<torch::Tensor> effective(const nada::Layer& layer, std::span<const torch::Tensor> base,
                                       std::span<const torch::Tensor> leaves) const {
    std::vector<torch::Tensor> out(base.begin(), base.end());
    out[nada::slot_of(layer, "weight")] = base[nada::slot_of(layer, "weight")] * leaves[0];
    out[nada::slot_of(layer, "bias")] = base[nada::slot_of(layer, "bias")] + leaves[1];
    return out;
  }
};
static_assert(nada::Parameterization<NewPart>);
