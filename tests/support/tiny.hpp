/// The weakest models that the concepts admit: they have what a part asks for and nothing more, and are small enough
/// for closed forms.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nada/checks/agreement.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"

namespace nada::test {

using checks::random;

/// Returns a row vector [1, E] in float64.
inline Tensor row(std::vector<double> values) { return torch::tensor(values, torch::kFloat64).unsqueeze(0); }

inline double number(const Tensor& scalar) { return scalar.item<double>(); }
inline double largest_difference(const Tensor& a, const Tensor& b) { return number((a - b).abs().max()); }
inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && at::equal(a, b);
}

/// An encoder that sees and reads linearly: images of one size by a matrix, texts by the matrix of their bytes.
struct LinearEncoder {
  static constexpr std::int64_t context = 64;
  Tensor weight;                                         // [E, 3 R R]
  Tensor text_weight;                                    // [context, E]
  double scale = 50;                                     // score_scale()
  std::shared_ptr<int> seen = std::make_shared<int>(0);  // how often images were seen; shared by copies

  Features see(const Tensor& images, Wanted wanted) const {
    ++*seen;
    const auto raw = images.flatten(1).matmul(weight.t());
    return {unit(raw), raw, wanted.tokens ? raw.unsqueeze(1) : Tensor{}};
  }
  Tensor tokenize(std::span<const std::string> texts) const {
    auto ids = torch::zeros({static_cast<std::int64_t>(texts.size()), context}, torch::kInt64);
    for (std::size_t t = 0; t < texts.size(); ++t) {
      require(!texts[t].empty(), "an empty text cannot be encoded");
      require(texts[t].size() <= static_cast<std::size_t>(context), "the text is too long");
      for (std::size_t i = 0; i < texts[t].size(); ++i)
        ids[static_cast<std::int64_t>(t)][static_cast<std::int64_t>(i)] = static_cast<std::int64_t>(texts[t][i]);
    }
    return ids;
  }
  Tensor read(const Tensor& ids) const { return unit(ids.to(text_weight.options()).matmul(text_weight) / 100); }
  double score_scale() const { return scale; }
};

/// Returns a linear encoder of images [N, 3, resolution, resolution], with random matrices.
inline LinearEncoder linear_encoder(std::int64_t width, std::int64_t resolution, std::uint64_t seed,
                                    torch::ScalarType type = torch::kFloat64) {
  return {random({width, 3 * resolution * resolution}, seed).to(type),
          random({LinearEncoder::context, width}, seed + 1000).to(type)};
}

/// An encoder that takes an image of one pixel as its feature, at the length that the pixel has, so that tests can
/// choose features freely.
struct PixelEncoder {
  Features see(const Tensor& images, Wanted) const { return {images.flatten(1), images.flatten(1), {}}; }
  Tensor tokenize(std::span<const std::string>) const { return torch::zeros({1, 1}, torch::kInt64); }
  Tensor read(const Tensor&) const { return row({1, 0, 0}); }
  double score_scale() const { return 50; }
};

/// Returns images of one pixel, [N, 3, 1, 1], from features [N, 3].
inline Tensor pixels(const Tensor& features) { return features.view({-1, 3, 1, 1}); }

/// A generator with layers of all four kinds, 8 pixels, styles of 4 numbers, and no noise; every slot
/// changes the image.
class TinyGenerator {
 public:
  explicit TinyGenerator(std::uint64_t seed = 0, torch::ScalarType type = torch::kFloat64) {
    const auto add = [&](Layer layer, const std::vector<std::vector<std::int64_t>>& shapes) {
      auto& slots = slots_.emplace_back();
      for (const auto& shape : shapes)
        slots.push_back((0.5 * random(shape, 1000 * seed + 10 * layers_.size() + slots.size())).to(type));
      layers_.push_back(std::move(layer));
    };
    const std::vector<std::string> convolution{"weight", "bias", "affine.weight"}, simple{"weight", "bias"};
    add({"mapping.0", LayerKind::mapping, 0, -1, simple}, {{4, 4}, {4}});
    add({"const", LayerKind::constant, 4, -1, {"weight"}}, {{4, 4, 4}});
    add({"conv.4.0", LayerKind::convolution, 4, 0, convolution}, {{4, 4}, {4}, {4, 4}});
    add({"rgb.4", LayerKind::rgb, 4, 1, simple}, {{3, 4}, {3}});
    add({"conv.8.0", LayerKind::convolution, 8, 1, convolution}, {{4, 4}, {4}, {4, 4}});
    add({"conv.8.1", LayerKind::convolution, 8, 2, convolution}, {{4, 4}, {4}, {4, 4}});
    add({"rgb.8", LayerKind::rgb, 8, 3, simple}, {{3, 4}, {3}});
  }

  std::span<const Layer> layers() const { return layers_; }
  std::int64_t latent_size() const { return 4; }
  std::int64_t style_count() const { return 4; }
  int resolution() const { return 8; }
  Tensor map(const Tensor& z, const Tensor&) const {
    return at::linear(z, slots_[0][0], slots_[0][1]).tanh().unsqueeze(1).expand({z.size(0), 4, 4});
  }
  Tensor mean_style() const { return torch::zeros({4}, slots_[0][0].options()); }
  Tensor synthesize(const Tensor& styles, const Render& render) const {
    ++*rendered;
    const auto n = styles.size(0);
    auto x = slots_[1][0].unsqueeze(0).expand({n, 4, 4, 4});
    Tensor rgb;
    for (std::size_t k = 2; k < layers_.size(); ++k) {
      const auto& layer = layers_[k];
      const auto& slot = slots_[k];
      if (render.resolution != 0 && layer.resolution > render.resolution) break;
      if (layer.resolution > x.size(2)) {
        x = at::upsample_nearest2d(x, {8, 8});
        rgb = at::upsample_nearest2d(rgb, {8, 8});
      }
      const auto kernel = slot[0].unsqueeze(2).unsqueeze(3);
      if (layer.kind == LayerKind::convolution) {
        const auto style = 1 + at::linear(styles.select(1, layer.style), slot[2]);
        x = at::conv2d(x * style.view({n, 4, 1, 1}), kernel, slot[1]).tanh();
      } else {
        const auto own = at::conv2d(x, kernel, slot[1]);
        rgb = rgb.defined() ? rgb + own : own;
      }
    }
    return 0.5 * rgb;
  }
  const Tensor& slot(std::size_t layer, std::size_t slot) const { return slots_.at(layer).at(slot); }
  void use(std::size_t layer, std::size_t slot, Tensor value) { slots_.at(layer).at(slot) = std::move(value); }
  TinyGenerator clone() const {
    auto copy = *this;
    copy.rendered = std::make_shared<int>(0);
    for (auto& slots : copy.slots_)
      for (auto& slot : slots) slot = slot.detach().clone();
    return copy;
  }

  std::shared_ptr<int> rendered = std::make_shared<int>(0);  ///< calls of synthesize; a clone counts its own

 private:
  std::vector<Layer> layers_;
  std::vector<std::vector<Tensor>> slots_;
};

/// Returns the loss of a term of one encoder on two batches of images, as a run evaluates the term; `anchor`
/// may be undefined.
template <class Term, TextImageEncoder E>
Tensor evaluate(const Term& term, const E& encoder, const Endpoints& ends, const Tensor& adapted,
                const Tensor& anchor = {}) {
  const Shown shown{adapted, adapted}, shown_anchor{anchor, anchor};
  ComparedBatches<E> comparison_batches(encoder, shown, shown_anchor, Stream{});
  Comparison<E> comparison(comparison_batches);
  return term.bind(encoder, FixedShift{ends}, ends)(comparison);
}

/// Returns the endpoints in the space of [1, E] features that are `source` and `target` made unit.
inline Endpoints endpoints_between(const Tensor& source, const Tensor& target) {
  return {unit(source), unit(target), unit(unit(target) - unit(source))};
}

static_assert(TextImageEncoder<LinearEncoder> && TextImageEncoder<PixelEncoder>);
static_assert(!TextImageEncoder<int> && !TextImageEncoder<TinyGenerator> && !TextImageEncoder<FixedShift>);
static_assert(Generator<TinyGenerator> && !Generator<LinearEncoder> && !Generator<int>);
static_assert(Shift<FixedShift, LinearEncoder> && !Shift<LinearEncoder, LinearEncoder>);
static_assert(!TextualShift<FixedShift> && !MovingShift<FixedShift>);

}  // namespace nada::test
