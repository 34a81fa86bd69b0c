// Bodies of stream.hpp.
#pragma once
#include "nada/core/stream.hpp"

#include <cmath>

#include "nada/core/config.hpp"

namespace nada {

namespace detail {
NADA_INLINE PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

NADA_INLINE std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

NADA_INLINE std::array<float, 4> uniform_block(const PhiloxCounter& words) {
  std::array<float, 4> numbers{};
  for (std::size_t i = 0; i < 4; ++i) numbers[i] = static_cast<float>(words[i] >> 8) * 0x1p-24F;
  return numbers;
}

NADA_INLINE std::array<float, 4> normal_block(const PhiloxCounter& words) {
  constexpr double two_pi = 6.283185307179586476925286766559;
  std::array<float, 4> numbers{};
  for (std::size_t i = 0; i < 4; i += 2) {
    const double radius = std::sqrt(-2.0 * std::log((words[i] + 0.5) * 0x1p-32));  // the logarithm of (0, 1)
    const double angle = two_pi * (words[i + 1] * 0x1p-32);
    numbers[i] = static_cast<float>(radius * std::cos(angle));
    numbers[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return numbers;
}

}  // namespace detail

NADA_INLINE Tensor Stream::uniform(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample,
                                   std::uint64_t sub) const {
  return draw(purpose, shape, first_sample, sub, /*kind=*/0, detail::uniform_block);
}

NADA_INLINE detail::PhiloxKey Stream::key(Purpose purpose, std::uint64_t sub) const {
  std::uint64_t mixed = detail::splitmix64(seed);
  for (const std::uint64_t part : {static_cast<std::uint64_t>(purpose), static_cast<std::uint64_t>(step), sub}) {
    mixed = detail::splitmix64(mixed ^ part);
  }
  return {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)};
}

}  // namespace nada
