/// Trains a change of low rank to each weight.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/parameterization/slots.hpp"

namespace nada {

/// LowRank changes `weight` [O, I, k, k], seen as a matrix [O, I k k], and `affine.weight` [C, D]:
///     W + up down,   up [O, r] starts at 0, down [r, I k k] is normal with deviation 1 / sqrt(r)
/// Source:  Hu et al., LoRA, arXiv:2106.09685, section 4.1.
/// Facts:   the layer starts at the base; the change has at most rank r, and can be any
///          change where r is the smaller side.
/// Errors:  a rank below 1.
struct LowRank {
  int rank = 4;

  std::string name() const { return join("low-rank-", rank); }

  static std::vector<std::string> weights(const Layer& layer) {
    std::vector<std::string> out;
    for (const auto* slot : {"weight", "affine.weight"})
      if (has_slot(layer, slot)) out.emplace_back(slot);
    return out;
  }
  /// Returns the part of a stream that the weight called `place` draws from. The part depends on this name alone, so
  /// that each weight draws numbers of its own.
  static std::uint64_t numbers_of(const std::string& place) {
    std::uint64_t out = 0;
    for (const char c : place) out = detail::splitmix64(out ^ static_cast<unsigned char>(c));
    return out;
  }
  bool covers(const Layer& layer) const { return layer.kind == LayerKind::convolution && has_slot(layer, "weight"); }
  std::vector<std::string> names(const Layer& layer) const {
    std::vector<std::string> out;
    for (const auto& slot : weights(layer)) out.insert(out.end(), {slot + ".up", slot + ".down"});
    return out;
  }
  std::vector<Tensor> leaves(const Layer& layer, std::span<const Tensor> base, const Stream& stream) const {
    require(rank >= 1, "LowRank: the rank is ", rank, ", expected at least 1");
    std::vector<Tensor> out;
    for (const auto& slot : weights(layer)) {
      const auto& weight = base[slot_of(layer, slot)];
      const auto columns = weight.numel() / weight.size(0);
      out.push_back(torch::zeros({weight.size(0), rank}, weight.options()).requires_grad_(true));
      const auto numbers = stream.normal(Purpose::leaves, {rank, columns}, 0, numbers_of(layer.name + "." + slot)) /
                           std::sqrt(static_cast<double>(rank));
      out.push_back(numbers.to(weight.options()).requires_grad_(true));
    }
    return out;
  }
  std::vector<Tensor> effective(const Layer& layer, std::span<const Tensor> base,
                                std::span<const Tensor> leaves) const {
    std::vector<Tensor> out(base.begin(), base.end());
    std::size_t i = 0;
    for (const auto& slot : weights(layer)) {
      auto& weight = out[slot_of(layer, slot)];
      weight = weight + leaves[i].matmul(leaves[i + 1]).view(weight.sizes());
      i += 2;
    }
    return out;
  }
};

}  // namespace nada
