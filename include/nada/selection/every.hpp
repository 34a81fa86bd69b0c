/// Keeps a choice of layers for several steps.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/selection/selector.hpp"

namespace nada {

/// Asks `inner` at steps 0, n, 2n, ... and repeats its answer in between. The official code asks at every step; a
/// choice of layers changes slowly, so that asking every 10 steps saves nearly all of its cost.
template <std::int64_t n, LayerSelector S>
class Every {
  static_assert(n >= 1, "Every: n is at least 1");

 public:
  explicit Every(S inner = {}) : inner_(std::move(inner)) {}

  LayerSet select(const Probe& probe) {
    if (last_.empty() || probe.stream.step % n == 0) last_ = inner_.select(probe);
    return last_;
  }
  std::vector<std::int64_t> state() const { return {last_.begin(), last_.end()}; }
  void restore(const std::vector<std::int64_t>& state) { last_.assign(state.begin(), state.end()); }

 private:
  S inner_;
  LayerSet last_;
};

}  // namespace nada
