/// CLIP's transformer block written out head by head and token by token.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/tiny.hpp"

namespace nada::test {

/// For each token of one sample, returns softmax over the tokens it may see of q k / sqrt(d), times v; the arguments
/// are [Tq, C], [T, C], [T, C].
inline Tensor naive_attention(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads, bool causal) {
  const auto d = q.size(1) / heads;
  auto out = torch::zeros({q.size(0), q.size(1)}, torch::kFloat64);
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t t = 0; t < q.size(0); ++t) {
      const auto part = [&](const Tensor& x, std::int64_t row) { return x[row].narrow(0, head * d, d); };
      const auto last = causal ? t + 1 : k.size(0);
      std::vector<double> weights;
      double sum = 0;
      for (std::int64_t s = 0; s < last; ++s) {
        weights.push_back(std::exp(number(part(q, t).dot(part(k, s))) / std::sqrt(static_cast<double>(d))));
        sum += weights.back();
      }
      for (std::int64_t s = 0; s < last; ++s) part(out, t) += part(v, s) * (weights[static_cast<std::size_t>(s)] / sum);
    }
  return out;
}

/// Returns (x - mean) / sqrt(var + 1e-5) * weight + bias for each row of [T, C].
inline Tensor naive_layer_norm(const Tensor& x, const TensorMap& t, const std::string& name) {
  const auto centred = x - x.mean(1, true);
  return centred / (centred.square().mean(1, true) + 1e-5).sqrt() * t.at(name + ".weight") + t.at(name + ".bias");
}

/// Runs all blocks of a tower on one sample [T, C], with the quick or the exact activation.
inline Tensor naive_transformer(Tensor x, const TensorMap& t, const std::string& name, int depth, std::int64_t heads,
                                bool causal, bool quick = true) {
  const auto width = x.size(1);
  for (int i = 0; i < depth; ++i) {
    const auto p = join(name, ".resblocks.", i, ".");
    const auto qkv =
        naive_layer_norm(x, t, p + "ln_1").matmul(t.at(p + "attn.in_proj_weight").t()) + t.at(p + "attn.in_proj_bias");
    const auto seen = naive_attention(qkv.narrow(1, 0, width), qkv.narrow(1, width, width),
                                      qkv.narrow(1, 2 * width, width), heads, causal);
    x = x + seen.matmul(t.at(p + "attn.out_proj.weight").t()) + t.at(p + "attn.out_proj.bias");
    auto hidden =
        naive_layer_norm(x, t, p + "ln_2").matmul(t.at(p + "mlp.c_fc.weight").t()) + t.at(p + "mlp.c_fc.bias");
    hidden = quick ? hidden / (1 + (-1.702 * hidden).exp()) : hidden * 0.5 * (1 + at::erf(hidden / std::sqrt(2.0)));
    x = x + hidden.matmul(t.at(p + "mlp.c_proj.weight").t()) + t.at(p + "mlp.c_proj.bias");
  }
  return x;
}

}  // namespace nada::test
