// Bodies of transformer.hpp.
#pragma once
#include "nada/encoders/transformer.hpp"

#include <cmath>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads, const Tensor& mask) {
  const auto n = q.size(0), width = q.size(2), d = width / heads;
  const auto split = [&](const Tensor& x) { return x.view({n, x.size(1), heads, d}).transpose(1, 2); };  // [N, h, T, d]
  auto scores = at::matmul(split(q * (1 / std::sqrt(static_cast<double>(d)))), split(k).transpose(2, 3));
  if (mask.defined()) scores = scores + mask;
  return at::matmul(at::softmax(scores, -1).to(v.scalar_type()), split(v))
      .transpose(1, 2)
      .reshape({n, q.size(1), width});
}

NADA_INLINE Transformer::Transformer(const Weights& weights, const std::string& prefix, std::int64_t width,
                                     std::int64_t heads, Gelu kind, double epsilon)
    : heads_(heads ? heads : width / 64), gelu_(kind) {
  require(heads_ > 0 && width % heads_ == 0, weights.what(), ": width ", width, " does not split into ", heads_,
          " heads");
  const int depth = weights.count(prefix + ".resblocks.", ".ln_1.weight");
  require(depth > 0, weights.what(), ": tensor ", prefix, ".resblocks.0.ln_1.weight is missing");
  for (int i = 0; i < depth; ++i) {
    const auto p = join(prefix, ".resblocks.", i, ".");
    Block b;
    b.ln_1 = LayerNorm(weights, p + "ln_1", width, epsilon);
    b.ln_2 = LayerNorm(weights, p + "ln_2", width, epsilon);
    b.in_weight = weights(p + "attn.in_proj_weight", {3 * width, width});
    b.in_bias = weights(p + "attn.in_proj_bias", {3 * width});
    b.out_weight = weights(p + "attn.out_proj.weight", {width, width});
    b.out_bias = weights(p + "attn.out_proj.bias", {width});
    b.fc_weight = weights(p + "mlp.c_fc.weight", {-1, width});
    b.fc_bias = weights(p + "mlp.c_fc.bias", {b.fc_weight.size(0)});
    b.proj_weight = weights(p + "mlp.c_proj.weight", {width, b.fc_weight.size(0)});
    b.proj_bias = weights(p + "mlp.c_proj.bias", {width});
    blocks_.push_back(std::move(b));
  }
}

}  // namespace nada
