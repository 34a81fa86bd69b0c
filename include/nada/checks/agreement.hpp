/// What the checks compare numbers with: random tensors, bits, finite differences.
#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <string>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada::checks {

/// Returns standard normal numbers in float64; the same numbers for the same seed.
Tensor random(torch::IntArrayRef shape, std::uint64_t seed);

/// Returns images [count, 3, pixels, pixels] in (-1, 1), float64: large spots with a little noise.
Tensor random_images(std::int64_t count, std::int64_t pixels, std::uint64_t seed);

/// Whether two tensors have the same type, shape and values, or are both undefined.
bool same_bits(const Tensor& a, const Tensor& b);

/// Returns the largest |a - b|; infinity where shapes differ or a number is not finite.
double largest_difference(const Tensor& a, const Tensor& b);

bool is_finite(const Tensor& x);

/// Calls `call` and returns what it returns.
/// Errors:  an exception of `call`, as one sentence that begins with `what`.
template <class Call>
auto telling(const std::string& what, Call&& call) {
  try {
    return call();
  } catch (const std::exception& error) {
    fail(what, ": ", first_line(error.what()));
  }
}

/// Compares autograd's gradient of `f` (tensor -> scalar) at `x` with (f(x + h v) - f(x - h v)) / 2 h along the gradient
/// and three random directions v, relative to the gradient's length. The smallest disagreement over several h counts, so
/// that a kink of f beside x does no harm. The tolerance is 1e-4 in float64; in float32 it is 1e-2 along the gradient, and 1e-1
/// along the others, of whose small differences float32 has few digits.
/// Errors:  a value without graph, a gradient that is not finite, a disagreement; the sentence begins with `what`.
void require_gradient(const std::string& what, const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

}  // namespace nada::checks

#ifndef NADA_COMPILED
#include "nada/checks/agreement.ipp"
#endif
