/// What remembers something between steps, and how that is saved.
#pragma once
#include <concepts>
#include <string>
#include <type_traits>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Stateful: parts that remember something between steps (Every, PathLength, AdaptiveAugmentation). Exact resume saves
/// what `state()` gives and hands it to `restore()`; parts with neither remember nothing. Tensors come back on the
/// processor, with the type and shape that they were saved with. In the state of a layer selector, whole numbers that are
/// called "chosen" are layers.
template <class S>
concept Stateful = requires(S& s, const S& c, const TensorMap& state) {
  { c.state() } -> std::same_as<TensorMap>;
  s.restore(state);
};

namespace detail {
/// Whether a part has a function of that name, whatever it takes and returns.
template <class S>
concept NamesState = requires(S& s) {
  s.state();
}
|| requires { requires std::is_member_function_pointer_v<decltype(&S::state)>; };
template <class S>
concept NamesRestore = requires(S& s, TensorMap& state) {
  s.restore(state);
}
|| requires { requires std::is_member_function_pointer_v<decltype(&S::restore)>; };
}  // namespace detail

/// Refuses a part that has one of the two functions, or one of another type: it would forget what it remembers whenever a
/// run is resumed, and nobody would be told.
template <class S>
consteval bool explain_state() {
  static_assert(
      !detail::NamesState<S> || requires(S & s, const TensorMap& state) { s.restore(state); },
      "Stateful: it has `state`; add `void restore(const nada::TensorMap&)`, or resumed runs forget what it remembers "
      "(docs/policies.md#selection)");
  static_assert(
      !detail::NamesRestore<S> ||
          requires(const S& c) {
            { c.state() } -> std::same_as<TensorMap>;
          },
      "Stateful: it has `restore`; add `nada::TensorMap state() const`, or resumed runs forget what it remembers "
      "(docs/policies.md#selection)");
  return true;
}

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
