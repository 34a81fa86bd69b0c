/// Keeps a choice of layers for several steps.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stateful.hpp"
#include "nada/core/tensor.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// Every asks `inner` at steps 0, n, 2n, ... and repeats the answer in between. The official code asks at every step; a
/// choice of layers changes slowly, so that asking every 10 steps saves nearly all of the selection's cost.
/// Its state is the answer and, after `inner.`, the state of `inner`.
/// Errors:  n < 1.
template <LayerSelector S>
class Every {
  static_assert(explain_selector<S>());

 public:
  explicit Every(std::int64_t n, S inner = {}) : n_(n), inner_(std::move(inner)) {
    require(n_ >= 1, "Every: layers are chosen every ", n_, " steps, expected at least 1");
  }

  LayerSet select(const Probe& probe) {
    if (last_.empty() || probe.stream.step % n_ == 0) last_ = inner_.select(probe);
    return last_;
  }
  TensorMap state() const {
    TensorMap out{{"chosen", torch::tensor(std::vector<std::int64_t>(last_.begin(), last_.end()), torch::kInt64)}};
    save_part("inner.", inner_, out);
    return out;
  }
  void restore(const TensorMap& state) {
    const auto chosen = state.find("chosen");
    last_.clear();
    if constexpr (Stateful<S>) {
      constexpr std::string_view prefix = "inner.";
      TensorMap of_inner;
      for (const auto& [name, value] : state)
        if (name.starts_with(prefix)) of_inner[name.substr(prefix.size())] = value;
      inner_.restore(of_inner);
    }
    if (n_ == 1 && chosen == state.end()) return;  // `inner` is asked at each step anyway
    require(chosen != state.end(), "it does not say which layers were chosen");
    for (std::int64_t i = 0; i < chosen->second.numel(); ++i)
      last_.push_back(static_cast<std::size_t>(chosen->second[i].item<std::int64_t>()));
  }

 private:
  std::int64_t n_;
  S inner_;
  LayerSet last_;
};

}  // namespace nada
