/// How different two pictures look.
#pragma once
#include <cmath>
#include <concepts>
#include <cstddef>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"

namespace nada {

/// PerceptualFeatures: images [N, 3, H, W] in [-1, 1] -> [N, F], differentiable; the squared distance of two rows says
/// how different the images look. LPIPS networks give such rows too.
template <class P>
concept PerceptualFeatures = requires(const P& p, const Tensor& images) {
  { p(images) } -> std::same_as<Tensor>;
};

/// Patch tokens (or pixels of the last feature map) of encoders, each of unit length:
///     d(a, b) = sum_e weight_e mean_t |unit(a_et) - unit(b_et)|^2     in [0, 4 sum of weights]
/// Facts:   0 for equal images; does not depend on the tokens' lengths.
template <EncoderSet Es>
struct TokenFeatures {
  const Es* encoders;

  Tensor operator()(const Tensor& images) const {
    std::vector<Tensor> all;
    encoders->each([&](const auto& encoder, double weight, std::size_t) {
      const auto tokens = encoder.see(images.clamp(-1, 1), Wanted{.tokens = true}).tokens;  // [N, T, C]
      const auto share = std::sqrt(weight / static_cast<double>(tokens.size(1)));
      all.push_back((share * tokens / tokens.norm(2, -1, /*keepdim=*/true).clamp_min(1e-8)).flatten(1));
    });
    return all.size() == 1 ? all.front() : torch::cat(all, 1);
  }
};
template <class Es>
TokenFeatures(const Es*) -> TokenFeatures<Es>;

/// Squared distances [N] of features [N, F] to others [N or 1, F].
inline Tensor perceptual_distance(const Tensor& a, const Tensor& b) { return (a - b).square().sum(1); }

}  // namespace nada
