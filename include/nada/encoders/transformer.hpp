/// The transformer of CLIP's towers: pre-norm blocks of multi-head attention and a two-layer perceptron.
/// Source:  Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
///          arXiv:2103.00020, section 2.4.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

/// Gelu is the perceptron's activation: OpenAI's x sigmoid(1.702 x), the exact x Phi(x) that some OpenCLIP models use,
/// or SigLIP's approximation of it by tanh.
enum class Gelu { quick, erf, tanh };

inline Tensor gelu(const Tensor& x, Gelu kind) {
  if (kind == Gelu::tanh) return at::gelu(x, "tanh");
  return kind == Gelu::quick ? x * at::sigmoid(1.702 * x) : at::gelu(x);
}

struct LayerNorm {
  Tensor weight, bias;  // [C]
  double epsilon = 1e-5;
  LayerNorm() = default;
  LayerNorm(const Weights& weights, const std::string& prefix, std::int64_t width, double epsilon = 1e-5)
      : weight(weights(prefix + ".weight", {width})), bias(weights(prefix + ".bias", {width})), epsilon(epsilon) {}
  Tensor operator()(const Tensor& x) const { return at::layer_norm(x, {weight.size(0)}, weight, bias, epsilon); }
};

/// Returns softmax(q k' / sqrt(d) + mask) v with q [N, Tq, C], k and v [N, T, C], split
/// into heads of width d = C / heads.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads, const Tensor& mask = {});

class Transformer {
 public:
  Transformer() = default;
  /// Reads `<prefix>.resblocks.<i>...`; `heads` 0 means width / 64, as the official loader derives it. `epsilon` is of
  /// the norms.
  Transformer(const Weights& weights, const std::string& prefix, std::int64_t width, std::int64_t heads, Gelu kind,
              double epsilon = 1e-5);

  /// Applies the blocks to x [N, T, C]. `mask` [T, T] is added to the scores, unless it is undefined. `tap(index, x)`
  /// is called with each block's output.
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

/// Returns the mask [T, T]: 0 where a token may attend (to itself and the tokens before it), -inf elsewhere.
inline Tensor causal_mask(std::int64_t length, torch::TensorOptions options) {
  return torch::full({length, length}, -std::numeric_limits<double>::infinity(), options).triu(1);
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/transformer.ipp"
#endif
