/// Random numbers that depend on what they are for, not on when they are drawn.
#pragma once
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// What a number is drawn for. The values are part of every recorded run: add at the end, never reorder.
enum class Purpose : std::uint64_t {
  latents,
  mixing,
  noise,
  views,
  crops,
  selection,
  leaves,
  samples,
  evaluation,
  inversion,
  shift  // what a shift samples of the anchor
};

namespace detail {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Philox4x32-10: four random words of a counter under a key.
/// Source:  Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011.
/// Facts:   gives the known answers of the authors' Random123.
PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key);

/// One step of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection that scatters nearby values.
std::uint64_t splitmix64(std::uint64_t x);

/// The four numbers of one block, uniform in [0, 1): the top 24 bits of each word, which float32 holds exactly.
std::array<float, 4> uniform_block(const PhiloxCounter& words);

/// The four numbers of one block, standard normal: Box-Muller in double, rounded to float; at most 6.8 in size.
std::array<float, 4> normal_block(const PhiloxCounter& words);

}  // namespace detail

/// Counter-based random numbers. The numbers of a sample depend on (seed, purpose, step, sample, sub) alone: neither on
/// the batch it is drawn in, nor on what was drawn before, nor on the number of threads. So nothing random is saved to
/// resume, micro-batches draw what one batch would, and the variants of an ablation are paired.
///     stream.normal(Purpose::latents, {4, 128})                       -> [4, 128], samples 0 to 3
///     stream.normal(Purpose::latents, {2, 128}, /*first_sample=*/2)   -> [2, 128], its last two rows
///     stream.normal(Purpose::noise, {4, 1, 64, 64}, 0, /*sub=*/layer) -> [4, 1, 64, 64], numbers of their own per
///     layer
/// A sample's numbers are a sequence of which a longer shape shows more. float32 on the processor, the same bits on
/// every machine as far as its libm rounds log, sin and cos alike (uniform: everywhere).
/// Errors:  a shape without a first dimension or with a negative one; a negative first_sample.
struct Stream {
  std::uint64_t seed = 0;
  std::int64_t step = 0;

  /// Standard normal numbers; shape[0] counts samples, the first of which is `first_sample`.
  Tensor normal(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample = 0, std::uint64_t sub = 0) const {
    return draw(purpose, shape, first_sample, sub, /*kind=*/1, detail::normal_block);
  }

  /// Uniform numbers in [0, 1); shape[0] counts samples, the first of which is `first_sample`.
  Tensor uniform(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample = 0, std::uint64_t sub = 0) const;

 private:
  detail::PhiloxKey key(Purpose purpose, std::uint64_t sub) const;

  // Block b of sample s has the counter (b, kind, low half of s, high half of s); it gives four numbers. The kind keeps
  // normal and uniform numbers of one purpose independent.
  template <class Block>
  Tensor draw(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample, std::uint64_t sub,
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
    // On several threads where the including file is compiled with OpenMP (about 30 ns a normal number on one).
    at::parallel_for(0, shape[0] * blocks, /*grain_size=*/4096, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t row = i / blocks, b = i % blocks;
        const auto sample = static_cast<std::uint64_t>(first_sample + row);
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
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/stream.ipp"
#endif
