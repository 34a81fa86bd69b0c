/// Random numbers that depend on their purpose, not on when they are drawn.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Purpose says what a number is drawn for. The values are part of every recorded run: add at the end, never reorder.
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
  shift,  // the anchor's images that a shift reads
  user    // parts of one's own, which choose `sub`
};

namespace detail {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Philox4x32-10: makes four random words of a counter under a key.
/// Source:  Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011.
/// Facts:   the function gives the known answers of the authors' Random123.
PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key);

/// Takes one step of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection that scatters nearby values.
std::uint64_t splitmix64(std::uint64_t x);

/// Returns the four numbers of one block, uniform in [0, 1): the top 24 bits of each word, which float32 holds exactly.
std::array<float, 4> uniform_block(const PhiloxCounter& words);

/// Returns the four numbers of one block, standard normal: Box-Muller in double, rounded to float; at most 6.8 in size.
std::array<float, 4> normal_block(const PhiloxCounter& words);

}  // namespace detail

/// Stream gives counter-based random numbers. The numbers of a sample depend on (seed, purpose, step, sample, sub)
/// alone: neither on the batch that the sample is drawn in, nor on earlier draws, nor on the number of threads. So
/// nothing random is saved to resume, a batch that is drawn in pieces gets the numbers of the whole batch, and the
/// variants of an ablation are paired.
///     stream.normal(Purpose::latents, {4, 128})                        -> [4, 128], samples 0 to 3
///     stream.normal(Purpose::latents, {2, 128}, /*first_sample=*/2)    -> [2, 128], the last two rows of the above
///     stream.normal(Purpose::noise, {4, 1, 64, 64}, 0, /*sub=*/layer)  -> [4, 1, 64, 64], other numbers in each layer
/// Each sample owns one endless sequence; a larger shape reads more of it, so draws of different sizes share their
/// beginning. The numbers are float32 on the processor. Uniform numbers have the same bits on every machine, normal
/// numbers on every machine whose libm rounds log, sin and cos alike.
/// Errors:  a shape without a first dimension or with a negative one; a negative first_sample.
struct Stream {
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::int64_t first = 0;  // sample that counts as the first one, where a batch is computed in parts

  /// Returns standard normal numbers; shape[0] counts samples, the first of which is `first_sample`.
  Tensor normal(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample = 0, std::uint64_t sub = 0) const;

  /// Returns uniform numbers in [0, 1); shape[0] counts samples, the first of which is `first_sample`.
  Tensor uniform(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample = 0, std::uint64_t sub = 0) const;

 private:
  detail::PhiloxKey key(Purpose purpose, std::uint64_t sub) const;

  // Block b of sample s has the counter (b, kind, low half of s, high half of s) and gives four numbers. The kind keeps
  // normal and uniform numbers of one purpose independent.
  template <class Block>
  Tensor draw(Purpose purpose, torch::IntArrayRef shape, std::int64_t first_sample, std::uint64_t sub,
              std::uint32_t kind, Block block) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/stream.ipp"
#endif
