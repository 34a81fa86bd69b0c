/// A shift between two others.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// MixedShift lies between the shifts A and B: with the share s of B, in [0, 1],
///     direction = unit((1 - s) direction_A + s direction_B),  source and target alike                    [1, E]
/// Its texts are those of A.
/// Source:  ours.
/// Facts:   s = 0 gives A, s = 1 gives B.
/// Errors:  a share outside [0, 1]; endpoints that cancel out; those of A and B.
template <class A, class B>
class MixedShift {
 public:
  MixedShift(A a, B b, double share) : a_(std::move(a)), b_(std::move(b)), share_(share) {
    require(share >= 0 && share <= 1, "MixedShift: the share is ", share, ", expected 0 to 1");
  }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler& anchor) const {
    static_assert(explain_shift<A, E>() && explain_shift<B, E>());
    if (share_ == 0) return a_.endpoints(encoder, anchor);
    if (share_ == 1) return b_.endpoints(encoder, anchor);
    const auto a = a_.endpoints(encoder, anchor), b = b_.endpoints(encoder, anchor);
    return {mixed(a.source, b.source, "sources"), mixed(a.target, b.target, "targets"),
            mixed(a.direction, b.direction, "directions")};
  }

  std::string_view source() const requires TextualShift<A> { return a_.source(); }
  std::string_view target() const requires TextualShift<A> { return a_.target(); }
  std::span<const std::string> templates() const requires TextualShift<A> { return a_.templates(); }

 private:
  Tensor mixed(const Tensor& a, const Tensor& b, const char* what) const {
    const auto sum = (1 - share_) * a + share_ * b;
    require(sum.norm().item<double>() > 1e-6, "MixedShift: the ", what, " of both shifts cancel out");
    return unit(sum);
  }
  A a_;
  B b_;
  double share_;
};

}  // namespace nada
