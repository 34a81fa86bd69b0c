// Bodies of sifid.hpp.
#pragma once
#include "nada/metrics/sifid.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE std::vector<Gaussian> internal_gaussians(const Tensor& features) {
  require(features.dim() == 4, "SIFID: features of shape ", shape_text(features.sizes()), ", expected [N, C, h, w]");
  std::vector<Gaussian> out;
  for (std::int64_t n = 0; n < features.size(0); ++n) out.push_back(gaussian_of(features[n].flatten(1).t()));
  return out;
}

NADA_INLINE Estimate Sifid::operator()(const Evidence& e) const {
  const torch::NoGradGuard no_grad;
  constexpr std::int64_t piece = 10;
  const auto count = e.adapted_images.size(0);
  const auto reals = of_pictures(count);
  require(!reals.empty(), name, ": there are no real pictures");
  std::vector<double> distances;
  for (std::int64_t at = 0; at < count; at += piece)
    for (const auto& own :
         internal_gaussians(features(in_8_bits(e.adapted_images.narrow(0, at, std::min(piece, count - at))))))
      distances.push_back(frechet_distance(own, reals[distances.size() % reals.size()]));
  return mean_estimate(distances);
}

}  // namespace nada
