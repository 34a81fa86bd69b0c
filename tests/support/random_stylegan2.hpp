/// StyleGAN2 generators with small random weights.
#pragma once
#include <cstdint>

#include "nada/checks/small_models.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/tiny.hpp"

namespace nada::test {

using checks::random_stylegan2;
using checks::SmallStyleGan2;

inline StyleGan2 small_stylegan2(const SmallStyleGan2& size = {}) { return StyleGan2(random_stylegan2(size)); }

/// Returns w+ [n, L, D] with different styles in each layer.
inline Tensor random_styles(const StyleGan2& generator, std::int64_t n, std::uint64_t seed = 77) {
  return random({n, generator.style_count(), generator.style_size()}, seed).to(generator.options());
}

}  // namespace nada::test
