// Bodies of direction.hpp.
#pragma once
#include "nada/editing/direction.hpp"

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE Tensor moved_styles(const Tensor& styles, const Direction& direction, double strength) {
  if (direction.space == EditSpace::style || strength == 0) return styles;
  if (direction.space == EditSpace::w) return move_styles(styles, direction.styles, strength);
  return styles + strength * direction.styles.to(styles.options());
}

}  // namespace nada
