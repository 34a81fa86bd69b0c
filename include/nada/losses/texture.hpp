/// Holds images near the texture of given pictures.
#pragma once
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Raw features of an image should be those of pictures of the texture. The term is meant for a convolutional
/// tower: On<1, Texture>{pictures}.
///     L = mean_{n,e} (E(adapted_n) - E(texture_{n mod M}))^2,  features as the encoder gives them      []  >= 0
/// Source:  rinongal/StyleGAN-nada, ZSSGAN/criteria/clip_loss.py, cnn_feature_loss: ModifiedResNet RN50.
/// Facts:   the pictures themselves give 0; the term does not read the anchor.
/// Errors:  pictures that are not [M, 3, H, W].
struct Texture {
  static constexpr std::string_view name = "texture";
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  Tensor pictures;  // [M, 3, H, W] in [-1, 1]

  template <TextImageEncoder E>
  auto bind(const E& encoder, const auto& /*shift*/, const Endpoints&) const {
    require(pictures.defined() && pictures.dim() == 4 && pictures.size(0) > 0 && pictures.size(1) == 3,
            "Texture: needs pictures [M, 3, H, W]");
    const torch::NoGradGuard no_grad;
    return [wanted = encoder.see(pictures, Wanted{}).raw](auto& c) -> Tensor {
      const auto& raw = c.adapted().raw;
      require(c.stream().first == 0 || wanted.size(0) == 1,
              "the term texture takes its pictures in turn over the batch, so the batch cannot be computed in parts");
      const auto rows = torch::arange(raw.size(0), torch::TensorOptions(torch::kInt64).device(raw.device()));
      return (raw - wanted.index_select(0, rows.remainder(wanted.size(0)))).square().mean();
    };
  }
};

}  // namespace nada
