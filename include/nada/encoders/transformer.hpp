/// The transformer of CLIP's towers: pre-norm blocks of multi-head attention and a two-layer perceptron.
/// Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, arXiv:2103.00020,
/// section 2.4.
#pragma once
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

/// The perceptron's activation: OpenAI's x sigmoid(1.702 x), or the exact x Phi(x) that some OpenCLIP models use.
enum class Gelu { quick, erf };

inline Tensor gelu(const Tensor& x, Gelu kind) {
  return kind == Gelu::quick ? x * at::sigmoid(1.702 * x) : at::gelu(x);
}

struct LayerNorm {
  Tensor weight, bias;  // [C]
  LayerNorm() = default;
  LayerNorm(const Weights& weights, const std::string& prefix, std::int64_t width)
      : weight(weights(prefix + ".weight", {width})), bias(weights(prefix + ".bias", {width})) {}
  Tensor operator()(const Tensor& x) const { return at::layer_norm(x, {weight.size(0)}, weight, bias); }
};

/// softmax(q k' / sqrt(d) + mask) v with q [N, Tq, C], k and v [N, T, C], split into heads of width d = C / heads.
inline Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads, const Tensor& mask = {}) {
  const auto n = q.size(0), width = q.size(2), d = width / heads;
  const auto split = [&](const Tensor& x) { return x.view({n, x.size(1), heads, d}).transpose(1, 2); };  // [N, h, T, d]
  auto scores = at::matmul(split(q * (1 / std::sqrt(static_cast<double>(d)))), split(k).transpose(2, 3));
  if (mask.defined()) scores = scores + mask;
  return at::matmul(at::softmax(scores, -1).to(v.scalar_type()), split(v))
      .transpose(1, 2)
      .reshape({n, q.size(1), width});
}

class Transformer {
 public:
  Transformer() = default;
  /// Reads `<prefix>.resblocks.<i>...`; heads 0: width / 64, as the official loader derives it.
  Transformer(const Weights& weights, const std::string& prefix, std::int64_t width, std::int64_t heads, Gelu kind)
      : heads_(heads ? heads : width / 64), gelu_(kind) {
    require(heads_ > 0 && width % heads_ == 0, weights.what(), ": width ", width, " does not split into ", heads_,
            " heads");
    const int depth = weights.count(prefix + ".resblocks.", ".ln_1.weight");
    require(depth > 0, weights.what(), ": tensor ", prefix, ".resblocks.0.ln_1.weight is missing");
    for (int i = 0; i < depth; ++i) {
      const auto p = join(prefix, ".resblocks.", i, ".");
      Block b;
      b.ln_1 = LayerNorm(weights, p + "ln_1", width);
      b.ln_2 = LayerNorm(weights, p + "ln_2", width);
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

  /// x [N, T, C], mask [T, T] added to the scores, or undefined. `tap(index, x)` sees each block's output.
  template <class Tap>
  Tensor operator()(Tensor x, const Tensor& mask, Tap&& tap) const {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const auto& b = blocks_[i];
      const auto qkv = dense(b.ln_1(x), b.in_weight, b.in_bias).chunk(3, -1);
      x = x + dense(attend(qkv[0], qkv[1], qkv[2], heads_, mask), b.out_weight, b.out_bias);
      x = x + dense(gelu(dense(b.ln_2(x), b.fc_weight, b.fc_bias), gelu_), b.proj_weight, b.proj_bias);
      tap(i, x);
    }
    return x;
  }

  std::size_t depth() const { return blocks_.size(); }

 private:
  struct Block {
    LayerNorm ln_1, ln_2;
    Tensor in_weight, in_bias, out_weight, out_bias, fc_weight, fc_bias, proj_weight, proj_bias;
  };
  std::vector<Block> blocks_;
  std::int64_t heads_ = 0;
  Gelu gelu_ = Gelu::quick;
};

/// [T, T]: 0 where a token may look (itself and those before it), -inf elsewhere.
inline Tensor causal_mask(std::int64_t length, torch::TensorOptions options) {
  return torch::full({length, length}, -std::numeric_limits<double>::infinity(), options).triu(1);
}

}  // namespace nada
