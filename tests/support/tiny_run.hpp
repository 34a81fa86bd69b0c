/// Runs on the tiny models, for the tests of Adaptation.
#pragma once
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/official_training.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/views/views.hpp"
#include "support/tiny.hpp"

namespace nada::test {

/// A term that shows each step's scene to a function and returns the function's result.
struct Watch {
  static constexpr std::string_view name = "watch";
  static constexpr Reads reads = Reads::adapted | Reads::anchor | Reads::leaves;
  static constexpr bool per_sample = true;
  std::function<Tensor(const Scene&)> look = [](const Scene& scene) { return 0 * scene.adapted_images.mean(); };
  Tensor operator()(const Scene& scene) const { return look(scene); }
};

using Encoders = Members<LinearEncoder>;
using Terms = Objective<Directional, Global, Watch>;
template <class O = Terms, class Sel = NamedLayers, class V = Plain, class X = FullSize>
using Run = Adaptation<TinyGenerator, Encoders, FixedShift, O, Sel, FullWeights, V, X>;
template <class O = Terms, class Sel = NamedLayers>
using OfficialRun =
    Adaptation<TinyGenerator, Encoders, FixedShift, O, Sel, FullWeights, Plain, FullSize, OfficialTraining>;

constexpr std::int64_t features = 4;
inline LinearEncoder encoder(std::uint64_t seed = 1, std::int64_t pixels = 8) {
  return linear_encoder(features, pixels, seed);
}
inline Encoders one_encoder() { return Encoders({{encoder(), 1.0}}); }
inline FixedShift shift() { return {endpoints_between(random({1, features}, 21), random({1, features}, 22))}; }
inline Terms terms(double directional, double global = 0, double watch = 0, Watch watcher = {}) {
  return weigh(directional, Directional{}) + weigh(global, Global{}) + weigh(watch, std::move(watcher));
}
inline const NamedLayers convolutions{{"convolution"}};

/// Returns copies of all effective tensors of a generator.
inline std::vector<Tensor> slots_of(const TinyGenerator& generator) {
  std::vector<Tensor> out;
  for (std::size_t k = 0; k < generator.layers().size(); ++k)
    for (std::size_t s = 0; s < generator.layers()[k].slots.size(); ++s)
      out.push_back(generator.slot(k, s).detach().clone());
  return out;
}
inline void check_same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(same_bits(a[i], b[i]), "slot " << i << " differs");
}

/// Returns which layers differ from the source in any slot.
inline LayerSet moved_layers(const TinyGenerator& source, const TinyGenerator& adapted) {
  LayerSet out;
  for (std::size_t k = 0; k < source.layers().size(); ++k) {
    bool moved = false;
    for (std::size_t s = 0; s < source.layers()[k].slots.size(); ++s)
      moved = moved || !same_bits(source.slot(k, s).detach(), adapted.slot(k, s).detach());
    if (moved) out.push_back(k);
  }
  return out;
}

inline double global_of(const LinearEncoder& encoder, const Tensor& images, const Endpoints& ends) {
  const auto raw = images.flatten(1).matmul(encoder.weight.t());
  double sum = 0;
  for (std::int64_t n = 0; n < raw.size(0); ++n)
    sum += 1 - number(raw[n].dot(ends.target[0])) / std::sqrt(number(raw[n].dot(raw[n])));
  return sum / static_cast<double>(raw.size(0));
}

/// Returns the latents of a step as the recipe has them.
inline Tensor latents(std::uint64_t seed, std::int64_t step, std::int64_t batch) {
  return Stream{seed, step}.normal(Purpose::latents, {batch, 4}).to(torch::kFloat64);
}

inline AdaptationSettings settings(std::int64_t batch = 4, std::uint64_t seed = 3) {
  AdaptationSettings out;
  out.batch = batch;
  out.seed = seed;
  return out;
}

}  // namespace nada::test
