/// Checks a layer selector.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nada/checks/agreement.hpp"
#include "nada/checks/small_models.hpp"
#include "nada/checks/small_run.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stateful.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

namespace checks {

/// Refuses a choice that a run would refuse.
void require_choice(const LayerSet& chosen, const Probe& probe);

/// Returns a selector's state as a state file gives it back, from a file in a folder for temporary files.
/// Errors:  a tensor of a type that files do not hold.
TensorMap kept_state(const TensorMap& state);

template <LayerSelector S>
class SelectorCheck {
  static_assert(explain_selector<S>());

 public:
  SelectorCheck(const S& selector, std::function<Probe(std::int64_t)> probe) : selector_(selector), probe_(probe) {
    auto control = selector;
    for (std::int64_t k = 0; k < steps; ++k) {
      if constexpr (Stateful<S>) states_.push_back(kept_state(control.state()));
      choices_.push_back(select(control, k));
      require_choice(choices_.back(), probe_(k));
    }
  }

  void run() const {
    auto again = selector_;
    for (std::int64_t k = 0; k < steps; ++k) {
      if (k == 1 || k == steps / 2) {  // as preview() and a step that fails do
        auto copy = again;
        select(copy, k + 1);
      }
      require(select(again, k) == at(k), "the selector chooses other layers at step ", k,
              " when it is asked the same again: it draws random numbers that are not of the probe's stream, or its "
              "copies share memory");
    }
    for (const auto k : {std::int64_t{1}, steps / 2 + 1, steps - 1}) Stateful<S> ? restored(k) : fresh(k);
  }

 private:
  static constexpr std::int64_t steps = 13;  // more than ten, the usual n of Every

  const LayerSet& at(std::int64_t k) const { return choices_[static_cast<std::size_t>(k)]; }
  LayerSet select(S& selector, std::int64_t k) const {
    return telling(join("the selector cannot choose at step ", k), [&] { return selector.select(probe_(k)); });
  }

  /// A run that is resumed after k steps goes on like one that never stopped.
  void restored(std::int64_t k) const {
    if constexpr (Stateful<S>) {
      auto copy = selector_;
      telling("the selector does not take back its own state",
              [&] { copy.restore(states_[static_cast<std::size_t>(k)]); });
      for (auto i = k; i < std::min(steps, k + 3); ++i)
        require(select(copy, i) == at(i), "the selector chooses other layers at step ", i, " when its state() of step ",
                k, " was restored: the state lacks something that it remembers");
    }
  }
  void fresh(std::int64_t k) const {
    auto copy = selector_;
    require(select(copy, k) == at(k), "the selector chooses other layers at step ", k,
            " when it was not asked before: it remembers something, so it needs `nada::TensorMap state() const` and "
            "`void restore(const nada::TensorMap&)`, or runs cannot be resumed");
  }

  const S& selector_;
  std::function<Probe(std::int64_t)> probe_;
  std::vector<LayerSet> choices_;
  std::vector<TensorMap> states_;  // before each step
};

}  // namespace checks

/// Checks a selector on the probes of a small run of `generator`, of which all layers can train.
/// Errors:  the first of these that does not hold, in one sentence:
///          each choice is sorted, without doubles, not empty, and of candidates alone;
///          the same probes give the same choices again, and a copy does not share memory with its original;
///          a selector without state() and restore() chooses the same whether or not it was asked before;
///          one with both chooses the same once its state, as a file keeps it, is restored into a fresh copy.
template <LayerSelector S, Generator G>
void check_part(const S& selector, const G& generator) {
  const auto run = checks::small_run(generator, FullWeights{});
  checks::SelectorCheck<S>(selector, [&](std::int64_t step) { return run.probe({11, step}); }).run();
}
template <LayerSelector S>
void check_part(const S& selector) {
  check_part(selector, checks::small_generator());
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/checks/check_selector.ipp"
#endif
