// Bodies of stream.hpp.
#pragma once
#include "nada/core/stream.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

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
    const double radius = std::sqrt(-2.0 * std::log((words[i] + 0.5) * 0x1p-32));  // log of a number in (0, 1)
    const double angle = two_pi * (words[i + 1] * 0x1p-32);
    numbers[i] = static_cast<float>(radius * std::cos(angle));
    numbers[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return numbers;
}

}  // namespace detail

template <class Block>
Tensor Stream::draw(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample, std::uint64_t sub,
                    std::uint32_t kind, Block block) const {
  require(!shape.empty(), "random numbers need a shape whose first dimension counts samples, not []");
  for (const std::int64_t size : shape) require(size >= 0, "random numbers cannot fill ", shape_text(shape));
  require(first_sample >= 0, "the first random sample must be 0 or later, not ", first_sample);
  Tensor numbers = at::empty(shape, at::TensorOptions().dtype(at::kFloat).device(at::kCPU));
  if (numbers.numel() == 0) return numbers;
  const std::int64_t per_sample = numbers.numel() / shape[0];
  const std::int64_t blocks = (per_sample + 3) / 4;
  require(blocks <= std::numeric_limits<std::uint32_t>::max(), "too many random numbers in one sample of ",
          shape_text(shape));
  const detail::PhiloxKey stream_key = key(purpose, sub);
  float* const out = numbers.data_ptr<float>();
  // The loop runs on several threads where the compiled file has OpenMP on: nada::compiled builds stream.ipp with
  // OpenMP; header-only, the including file decides. A normal number takes about 30 ns on one thread.
  at::parallel_for(0, shape[0] * blocks, /*grain_size=*/4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = i / blocks, b = i % blocks;
      const auto sample = static_cast<std::uint64_t>(first + first_sample + row);
      const std::array<float, 4> four =
          block(detail::philox({static_cast<std::uint32_t>(b), kind, static_cast<std::uint32_t>(sample),
                                static_cast<std::uint32_t>(sample >> 32)},
                               stream_key));
      const std::int64_t count = std::min<std::int64_t>(4, per_sample - 4 * b);
      for (std::int64_t j = 0; j < count; ++j) out[row * per_sample + 4 * b + j] = four[static_cast<std::size_t>(j)];
    }
  });
  return numbers;
}

NADA_INLINE Tensor Stream::normal(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample,
                                  std::uint64_t sub) const {
  return draw(purpose, shape, first_sample, sub, /*kind=*/1, detail::normal_block);
}

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
