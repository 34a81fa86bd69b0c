/// Text-image encoders and sets of encoders: what they must offer.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "nada/core/tensor.hpp"

namespace nada {

/// Wanted says which parts of Features a caller reads beyond `unit` and `raw`.
struct Wanted {
  bool tokens = false;
};

struct Features {
  Tensor unit;    // [N, E], unit length
  Tensor raw;     // [N, E], as the encoder gives them
  Tensor tokens;  // [N, T, C] patch tokens or last feature map, if wanted
};

/// DenseLevel is a level of an encoder's dense features: for images [N, 3, H, W] a map [N, channels, H / stride, W /
/// stride], in which each place of the image still has numbers of its own.
struct DenseLevel {
  std::int64_t channels, stride;
};

/// Returns x / |x| along the last dimension.
inline Tensor unit(const Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true); }

/// TextImageEncoder: encodes images in [-1, 1] of any size (resizes and normalises them) and texts (tokenises them)
/// into one space. Smallest model: tests/support/tiny.hpp; the real one: encoders/clip.hpp.
template <class E>
concept TextImageEncoder = requires(const E& e, Tensor images, Tensor ids, std::span<const std::string> texts,
                                    Wanted wanted) {
  { e.see(images, wanted) } -> std::same_as<Features>;  // images [N, 3, H, W]
  { e.tokenize(texts) } -> std::same_as<Tensor>;        // [T, context] int64; throws on empty or too long
  { e.read(ids) } -> std::same_as<Tensor>;              // [T, E], unit length
  { e.score_scale() } -> std::convertible_to<double>;   // exp(logit_scale)
};

template <class E>
consteval bool explain_encoder() {
  static_assert(
      requires(const E& e, Tensor i, Wanted w) {
        { e.see(i, w) } -> std::same_as<Features>;
      },
      "TextImageEncoder: add `nada::Features see(torch::Tensor images, nada::Wanted) const` "
      "(docs/policies.md#encoders)");
  static_assert(
      requires(const E& e, std::span<const std::string> t) {
        { e.tokenize(t) } -> std::same_as<Tensor>;
      },
      "TextImageEncoder: add `torch::Tensor tokenize(std::span<const std::string>) const` (docs/policies.md#encoders)");
  static_assert(
      requires(const E& e, Tensor i) {
        { e.read(i) } -> std::same_as<Tensor>;
      },
      "TextImageEncoder: add `torch::Tensor read(torch::Tensor ids) const` (docs/policies.md#encoders)");
  static_assert(
      requires(const E& e) {
        { e.score_scale() } -> std::convertible_to<double>;
      },
      "TextImageEncoder: add `double score_scale() const`, which is exp(logit_scale) (docs/policies.md#encoders)");
  return true;
}

/// EncoderSet: one or several encoders with weights. `each` visits (encoder, weight, index)
/// of each encoder of weight > 0.
template <class S>
concept EncoderSet = requires(const S& s) {
  s.each([](const auto& /*encoder*/, double /*weight*/, std::size_t) {});
};

template <class S>
consteval bool explain_encoder_set() {
  static_assert(EncoderSet<S>,
                "EncoderSet: add `void each(auto visit) const`, which calls visit(encoder, weight, index), or "
                "wrap encoders in nada::Ensemble or nada::Members (docs/policies.md#encoders)");
  return true;
}

}  // namespace nada
