// Bodies of factorization.hpp.
#pragma once
#include "nada/generators/factorization.hpp"

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE Tensor move_styles(const Tensor& styles, const Tensor& direction, double amount,
                               const std::set<int>& which) {
  auto out = styles.clone();
  const auto step = amount * direction.to(styles.options());
  if (which.empty()) return out + step;
  for (const auto l : which) {
    require(l >= 0 && l < styles.size(1), "there is no style ", l, ", only 0 to ", styles.size(1) - 1);
    out.select(1, l) += step;
  }
  return out;
}

}  // namespace nada
