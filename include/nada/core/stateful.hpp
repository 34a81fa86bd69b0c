/// What remembers something between steps, and how that is saved.
#pragma once
#include <concepts>
#include <string>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Stateful: parts that remember something between steps (Every, PathLength, AdaptiveAugmentation). Exact resume saves
/// what `state()` gives and hands it to `restore()`; parts without both remember nothing. The state of a layer selector
/// holds whole numbers, and layers in it are called "chosen".
template <class S>
concept Stateful = requires(S& s, const S& c, const TensorMap& state) {
  { c.state() } -> std::same_as<TensorMap>;
  s.restore(state);
};

/// Adds a part's state to `out`, each name after `prefix`.
template <class S>
void save_part(const std::string& prefix, const S& part, TensorMap& out) {
  if constexpr (Stateful<S>)
    for (const auto& [name, value] : part.state()) out[prefix + name] = value;
}

/// Hands a part its state from tensors that save_part() has written.
/// Errors:  a tensor that is missing, naming `what` and it.
template <class S>
void restore_part(const std::string& prefix, S& part, const TensorMap& in, const std::string& what) {
  if constexpr (Stateful<S>) {
    TensorMap state;
    for (const auto& [name, value] : part.state()) {
      const auto found = in.find(prefix + name);
      require(found != in.end(), what, ": tensor ", prefix, name, " is missing");
      state[name] = found->second.clone();
    }
    part.restore(state);
  }
}

}  // namespace nada
