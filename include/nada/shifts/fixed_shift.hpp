/// A shift whose endpoints are given.
#pragma once
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// FixedShift gives the same endpoints in every encoder. It serves runs with one encoder,
/// tests, and recorded directions.
struct FixedShift {
  Endpoints ends;

  template <TextImageEncoder E>
  Endpoints endpoints(const E&, const Sampler&) const {
    return ends;
  }
};

}  // namespace nada
