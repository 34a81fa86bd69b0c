/// StyleGAN2 generators with small random weights.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

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

/// Returns the tensors of random_stylegan2() with residual blocks in place of the skip sum, and four classes.
inline NamedTensors residual_and_conditional(NamedTensors tensors) {
  for (const char* r : {"4", "8"})
    std::erase_if(tensors, [&](const auto& item) { return item.first.starts_with(std::string("rgb.") + r + "."); });
  const auto make = [&](std::vector<std::int64_t> shape, std::uint64_t seed) {
    return random(shape, seed).to(tensors.at("const.weight").scalar_type());
  };
  tensors["conv.8.0.skip.weight"] = make({4, 5, 1, 1}, 501);
  tensors["conv.16.0.skip.weight"] = make({3, 4, 1, 1}, 502);
  tensors["embed.weight"] = make({7, 4}, 503);
  tensors["embed.bias"] = make({7}, 504);
  tensors["mapping.0.weight"] = 100 * make({5, 6 + 7}, 505);
  return tensors;
}

}  // namespace nada::test
