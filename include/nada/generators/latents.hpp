/// Latents and styles: truncation and mixing.
#pragma once
#include <cstdint>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Pulls the first `layers` styles (0: all) toward the mean style:
///     w' = mean + psi (w - mean)     w+ [N, L, D], mean [D]; psi 1 changes nothing, 0 gives the mean
/// Source:  Karras et al., A Style-Based Generator Architecture, arXiv:1812.04948, appendix B (truncation trick in W).
/// Errors:  `layers` outside [0, L].
inline Tensor truncate(const Tensor& w_plus, const Tensor& mean, double psi, std::int64_t layers = 0) {
  if (psi == 1.0) return w_plus;
  require(layers >= 0 && layers <= w_plus.size(1), "truncation of ", layers, " styles: there are ", w_plus.size(1));
  const auto pulled = mean + psi * (w_plus - mean);
  if (layers == 0 || layers == w_plus.size(1)) return pulled;
  return torch::cat({pulled.narrow(1, 0, layers), w_plus.narrow(1, layers, w_plus.size(1) - layers)}, 1);
}

/// Style mixing: takes the styles below `from` of `a` and the other styles of `b`; both [N, L, D].
/// Errors:  styles of different shapes; `from` outside [0, L].
inline Tensor mix(const Tensor& a, const Tensor& b, std::int64_t from) {
  require(a.sizes() == b.sizes(), "style mixing: w+ of shapes ", shape_text(a.sizes()), " and ", shape_text(b.sizes()));
  require(from >= 0 && from <= a.size(1), "style mixing from style ", from, ": there are ", a.size(1));
  return torch::cat({a.narrow(1, 0, from), b.narrow(1, from, b.size(1) - from)}, 1);
}

/// Random style mixing: a share of the samples takes its later styles from other latents.
///     w, other [N, L, D]; u [N, 2] uniform in [0, 1)
///     sample n is mixed where u_n0 < share; u_n1 says from which style in [1, L - 1] on
/// Source:  Karras et al., arXiv:1812.04948, section 3.1 (mixing regularization).
inline Tensor mix_styles(const Tensor& w, const Tensor& other, const Tensor& u, double share) {
  const auto styles = w.size(1);
  const auto from = 1 + (u.select(1, 1) * static_cast<double>(styles - 1)).floor();
  const auto swap =
      (u.select(1, 0) < share).unsqueeze(1).logical_and(torch::arange(styles).unsqueeze(0) >= from.unsqueeze(1));
  return at::where(swap.unsqueeze(2).to(w.device()), other, w);
}

}  // namespace nada
