/// Chooses layers by chance: the control for every other selector.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// RandomK chooses the convolutions of k styles, drawn without replacement anew in each call. The same seed and step
/// give the same choice. k = 0 means two thirds, as in AdaptiveTopK.
/// Source:  ours; a selector is worth its cost if its choice beats this one.
/// Errors:  k larger than the number of styles that convolutions read.
struct RandomK {
  std::size_t k = 0, of = 0;  // of > 0: k of every `of` styles

  LayerSet select(const Probe& probe) const {
    const auto read = AdaptiveTopK::styles_read(probe);
    const auto count = AdaptiveTopK{.k = k, .of = of}.wanted(read.size(), "RandomK");
    std::vector<int> order(read.begin(), read.end());
    const auto u = probe.stream.uniform(Purpose::selection, {1, static_cast<std::int64_t>(order.size())}, 0, /*sub=*/1);
    const auto* numbers = u.data_ptr<float>();
    for (std::size_t i = 0; i < count; ++i) {  // Fisher-Yates, as far as it is needed
      const auto left = order.size() - i;
      const auto j = std::min(left - 1, static_cast<std::size_t>(numbers[i] * static_cast<float>(left)));
      std::swap(order[i], order[i + j]);
    }
    return AdaptiveTopK::convolutions_of({order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)}, probe);
  }
};

}  // namespace nada
