/// Metrics: what a metric sees and what it must offer.
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/metrics/estimate.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Evidence is what is known of a generator under one encoder. That encoder must not be one that the
/// generator was trained against.
struct Evidence {
  Features adapted;  // features of N images
  Features source;   // features of the source's images of the same latents; undefined where there is no source
  Features real;     // features of M real pictures of the target; undefined where there are no pictures
  Endpoints ends;    // endpoints of the texts; undefined where there are no texts
  Tensor adapted_images = {};  // the N images themselves, [N, 3, H, W], clamped to [-1, 1], on the processor
  Tensor source_images = {};   // the source's, alike. Both are undefined where no metric `needs` them
  Tensor truths = {};          // [N, 3, H, W], what each sample should have become; undefined where it is not known
  Features truth = {};         // features of the truths with their tokens, as `adapted` then has them; else undefined
  Tensor texts = {};           // [T, E], unit: features of a list of texts; undefined where there is none
  std::int64_t wanted = 0;     // row of `texts` that the adapted images should show
  Tensor adapted_pool = {};    // [N, P], what FID's Inception network pools of the adapted images
  Tensor adapted_logits = {};  // [N, C], its logits without bias; undefined where the network has no classifier
  Tensor real_pool = {};       // [M, P], of the real pictures. All three are undefined where there is no such network
};

/// Needs says what a metric needs beside the adapted images.
enum class Needs : unsigned {
  nothing = 0,
  source = 1,
  real = 2,
  target = 4,
  direction = 8,
  texts = 16,
  adapted_images = 32,
  source_images = 64,
  truths = 128,
  adapted_pool = 256,
  adapted_logits = 512,
  real_pool = 1024
};
constexpr Needs operator|(Needs a, Needs b) { return Needs(unsigned(a) | unsigned(b)); }
constexpr Needs without(Needs set, Needs n) { return Needs(unsigned(set) & ~unsigned(n)); }
constexpr bool has(Needs set, Needs n) { return (unsigned(set) & unsigned(n)) != 0; }

/// Metric: gives a number for a generator. `name` is its column, `higher_is_better` its direction. Smallest
/// model: metrics/text_score.hpp.
template <class M>
concept Metric = requires(const M& m, const Evidence& evidence) {
  { M::name } -> std::convertible_to<std::string_view>;
  { M::higher_is_better } -> std::convertible_to<bool>;
  { M::needs } -> std::convertible_to<Needs>;
  { m(evidence) } -> std::same_as<Estimate>;
};

/// Returns what of `needs` the evidence does not have.
inline Needs lacking(Needs needs, const Evidence& evidence) {
  auto out = Needs::nothing;
  const auto look = [&](Needs one, const Tensor& tensor) {
    if (has(needs, one) && !tensor.defined()) out = out | one;
  };
  look(Needs::source, evidence.source.unit);
  look(Needs::real, evidence.real.unit);
  look(Needs::target, evidence.ends.target);
  look(Needs::direction, evidence.ends.direction);
  look(Needs::texts, evidence.texts);
  look(Needs::adapted_images, evidence.adapted_images);
  look(Needs::source_images, evidence.source_images);
  look(Needs::truths, evidence.truths);
  look(Needs::adapted_pool, evidence.adapted_pool);
  look(Needs::adapted_logits, evidence.adapted_logits);
  look(Needs::real_pool, evidence.real_pool);
  return out;
}

/// Whether the evidence has what a metric needs.
inline bool enough(Needs needs, const Evidence& evidence) { return lacking(needs, evidence) == Needs::nothing; }

/// Returns the part of the evidence that `needs` declares, with the features of the adapted images: a metric sees this
/// part alone, so that it cannot read by luck what it does not declare.
inline Evidence declared(Needs needs, const Evidence& evidence) {
  auto out = evidence;
  if (!has(needs, Needs::source)) out.source = {};
  if (!has(needs, Needs::real)) out.real = {};
  if (!has(needs, Needs::target)) out.ends.target = Tensor{};
  if (!has(needs, Needs::direction)) out.ends.source = out.ends.direction = Tensor{};
  if (!has(needs, Needs::texts)) out.texts = Tensor{};
  if (!has(needs, Needs::adapted_images)) out.adapted_images = Tensor{};
  if (!has(needs, Needs::source_images)) out.source_images = Tensor{};
  if (!has(needs, Needs::truths)) out.truths = out.adapted.tokens = Tensor{}, out.truth = {};
  if (!has(needs, Needs::adapted_pool)) out.adapted_pool = Tensor{};
  if (!has(needs, Needs::adapted_logits)) out.adapted_logits = Tensor{};
  if (!has(needs, Needs::real_pool)) out.real_pool = Tensor{};
  return out;
}

/// Refuses samples that are not finite; `what` names the metric in the message.
inline void require_finite_samples(const Tensor& samples, std::string_view what) {
  require(at::isfinite(samples).all().item<bool>(), what, ": the samples hold values that are not finite");
}

/// Returns images as their files hold them, rounded to 8 bits and back in [-1, 1], which is what published numbers are measured on.
inline Tensor in_8_bits(const Tensor& images) {
  return ((images.clamp(-1, 1).to(torch::kFloat32) + 1) * 127.5).round() / 127.5 - 1;
}

/// Returns samples [N, E] in double precision on the processor; `what` names the metric in errors.
/// Errors:  another shape; fewer than `least` samples; values that are not finite.
inline Tensor samples_of(const Tensor& features, std::string_view what, std::int64_t least = 1) {
  require(features.defined() && features.dim() == 2 && features.size(0) >= least, what, ": needs at least ", least,
          " samples [N, E], found ", features.defined() ? shape_text(features.sizes()) : std::string("none"));
  require_finite_samples(features, what);
  return features.detach().to(torch::kCPU, torch::kFloat64).contiguous();
}

}  // namespace nada
