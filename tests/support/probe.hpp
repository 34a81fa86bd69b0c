/// Probes made by hand, whose global loss gives scores a closed form.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"
#include "support/tiny.hpp"

namespace nada::test {

/// A generator's layers and the numbers that a selector would learn of them. The "image" of w+ is w+ itself.
struct HandMadeProbe {
  std::vector<Layer> layers;
  Probe probe;

  /// Each conv.<k> reads style k, the rgb beside it reads the next style; mapping and const come first. `slopes` is
  /// [L]: the global loss is sum_l slope_l sum w_l over all samples and numbers.
  explicit HandMadeProbe(std::vector<double> slopes, std::string prefix = "conv.") {
    const auto styles = static_cast<int>(slopes.size());
    layers.push_back({"mapping.0", LayerKind::mapping, 0, -1, {"weight"}});
    layers.push_back({"const", LayerKind::constant, 4, -1, {"weight"}});
    for (int l = 0; l < styles; ++l) {
      layers.push_back({prefix + std::to_string(l), LayerKind::convolution, 4 << (l / 2), l, {"weight"}});
      layers.push_back({"rgb." + std::to_string(l), LayerKind::rgb, 4 << (l / 2), l + 1, {"weight"}});
    }
    probe.layers = layers;
    for (std::size_t k = 0; k < layers.size(); ++k) probe.candidates.push_back(k);
    probe.styles = [styles](std::int64_t count) { return random({count, styles, 3}, 7); };
    probe.images = [](const Tensor& w, std::int64_t) { return w; };
    const auto slope = torch::tensor(slopes, torch::kFloat64).view({1, styles, 1});
    probe.global_loss = [slope](const Tensor& w) { return (slope * w).sum(); };
  }
  HandMadeProbe(const HandMadeProbe&) = delete;  // the probe refers to the layers
  HandMadeProbe& operator=(const HandMadeProbe&) = delete;

  static std::size_t convolution(int style) { return 2 + 2 * static_cast<std::size_t>(style); }
  static std::size_t rgb(int number) { return 3 + 2 * static_cast<std::size_t>(number); }
  static LayerSet convolutions(const std::vector<int>& styles) {
    LayerSet out;
    for (const int l : styles) out.push_back(convolution(l));
    return out;
  }
};

}  // namespace nada::test
