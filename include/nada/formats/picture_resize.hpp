/// Resizes 8-bit pictures to the bit as PIL does, which is how encoders saw pictures while they were trained.
///
/// The filter is bicubic (a = -0.5) with antialias: where the picture shrinks, the filter widens by the same factor.
/// There are two passes, along rows and then along columns, each in fixed point with 22 fractional bits and rounded to
/// 8 bits; a pass that would change nothing is skipped.
/// Source:  the published behaviour of Pillow (`Image.resize`, BICUBIC) and of torchvision 0.14 (Resize, CenterCrop).
/// Facts:   a picture at its own size stays as it is; one colour stays one colour; the PNG text is not carried over.
/// Errors:  a picture that is not well formed; a result without pixels or of more than 64 million.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nada/formats/picture.hpp"

namespace nada {

namespace detail {

/// ExactTaps are the weights of the samples `first`, `first + 1`, ... that make one sample of the result; they sum to 1.
struct ExactTaps {
  int first = 0;
  std::vector<double> weights;
};

/// Taps are the same in fixed point: weights of the samples `first`, `first + 1`, ... that make one sample of the result; the weights sum
/// to about 2^22.
struct Taps {
  int first = 0;
  std::vector<std::int32_t> weights;
};
inline constexpr int weight_bits = 22;

double bicubic(double x);

std::vector<ExactTaps> exact_bicubic_taps(int from, int to);

std::vector<Taps> bicubic_taps(int from, int to);

/// Does one pass over bytes: [outer, from, inner] -> [outer, to, inner].
std::vector<std::uint8_t> resampled(const std::vector<std::uint8_t>& bytes, std::size_t outer, int from, int to,
                                    std::size_t inner);

}  // namespace detail

/// Returns `picture` at `width` x `height` pixels.
Picture resize(const Picture& picture, int width, int height);

/// Returns the part of `picture` that begins `left` and `top` pixels from the corner.
/// Errors:  also a part that is not inside.
Picture crop(const Picture& picture, int left, int top, int width, int height);

/// Returns the middle of `picture` as `size` x `size` pixels, the way CLIP sees a photograph: the smaller edge is
/// resized to `size` and the other edge in proportion, rounded down; then the picture is cropped at an offset that is
/// rounded, halves to even.
Picture centre_square(const Picture& picture, int size);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/picture_resize.ipp"
#endif
