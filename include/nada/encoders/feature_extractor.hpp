/// Feature extractors: networks whose features' distances say how different images look.
#pragma once
#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"

namespace nada {

/// FeatureExtractor: maps images [N, 3, H, W] in [-1, 1] to features [N, F], differentiable. Smallest model:
/// tests/encoders/feature_extractor.cpp; real ones: TokenFeatures below, encoders/lpips.hpp,
/// encoders/inception.hpp.
template <class F>
concept FeatureExtractor = requires(const F& f, const Tensor& images) {
  { f(images) } -> std::same_as<Tensor>;
};

/// AnyFeatureExtractor is a feature extractor that is chosen at run time.
using AnyFeatureExtractor = std::function<Tensor(const Tensor&)>;
static_assert(FeatureExtractor<AnyFeatureExtractor>);

/// Returns the squared distances [N] between features `a` [N, F] and features `b` [N or 1, F].
inline Tensor feature_distance(const Tensor& a, const Tensor& b) { return (a - b).square().sum(1); }

/// TokenFeatures are the patch tokens (or pixels of the last feature map) of encoders, each token at unit length:
///     d(a, b) = sum_e weight_e mean_t |unit(a_et) - unit(b_et)|^2     in [0, 4 sum of weights]
/// Source:  the normalised feature distance of Zhang et al., arXiv:1801.03924 (LPIPS), equation 1, without its learned
///          weights, in the last layer of each encoder.
/// Facts:   equal images give 0; the distance does not depend on the tokens' lengths.
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

}  // namespace nada
