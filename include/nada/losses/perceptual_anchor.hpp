/// Holds the adapted image's tokens near the anchor's tokens.
#pragma once
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Tokens (patches of a transformer, places of the last feature map) should stay:
///     L = mean_{n,t} |unit(token_{n,t} of adapted) - unit(token_{n,t} of anchor)|^2        []  in [0, 4]
/// Source:  the normalised feature distance of Zhang et al., arXiv:1801.03924 (LPIPS), equation 1, without learned
///          weights, in the last layer of the encoder that the objective uses.
/// Facts:   equal images give 0 with gradient 0; scaling a token changes nothing.
struct PerceptualAnchor {
  static constexpr std::string_view name = "tokens";
  static constexpr Reads reads = Reads::adapted | Reads::anchor | Reads::tokens;
  static constexpr bool per_sample = true;

  template <TextImageEncoder E>
  auto bind(const E&, const auto& /*shift*/, const Endpoints&) const {
    return [](auto& c) -> Tensor {
      const auto direction = [](const Tensor& tokens) { return tokens / tokens.norm(2, -1, true).clamp_min(1e-6); };
      return (direction(c.adapted().tokens) - direction(c.anchor().tokens)).square().sum(2).mean();
    };
  }
};

}  // namespace nada
