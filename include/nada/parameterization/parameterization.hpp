/// Parameterizations: how a chosen layer may change.
#pragma once
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// HasParameterizationName: a delta stores the name of its parameterization, `name`, or `name()`
/// where the name holds a number.
template <class P>
concept HasParameterizationName = requires(const P& p) {
  { P::name } -> std::convertible_to<std::string_view>;
}
|| requires(const P& p) {
  { p.name() } -> std::convertible_to<std::string>;
};
template <HasParameterizationName P>
std::string name_of(const P& parameterization) {
  if constexpr (requires { parameterization.name(); })
    return std::string(parameterization.name());
  else
    return std::string(parameterization.name);
}

/// Parameterization: a differentiable map from leaves (the tensors that the optimiser moves) to a layer's effective
/// slots. Its functions are pure functions of tensors and know neither generators nor optimisers. Leaves start where
/// effective == base. Smallest model: full_weights.hpp.
template <class P>
concept Parameterization = HasParameterizationName<P> &&
    requires(const P& p, const Layer& layer, std::span<const Tensor> base, std::span<const Tensor> leaves,
             const Stream& stream) {
  { p.covers(layer) } -> std::convertible_to<bool>;
  { p.names(layer) } -> std::same_as<std::vector<std::string>>;  // of its leaves: a delta holds <layer>.<leaf>
  { p.leaves(layer, base, stream) } -> std::same_as<std::vector<Tensor>>;
  { p.effective(layer, base, leaves) } -> std::same_as<std::vector<Tensor>>;  // shapes of base
};

template <class P>
consteval bool explain_parameterization() {
  static_assert(HasParameterizationName<P>,
                "Parameterization: add `static constexpr std::string_view name` (docs/policies.md#parameterization)");
  static_assert(
      requires(const P& p, const Layer& l) {
        { p.covers(l) } -> std::convertible_to<bool>;
        { p.names(l) } -> std::same_as<std::vector<std::string>>;
      },
      "Parameterization: add `bool covers(const nada::Layer&) const` and `std::vector<std::string> names(const "
      "nada::Layer&) const` (docs/policies.md#parameterization)");
  static_assert(
      requires(const P& p, const Layer& l, std::span<const Tensor> t, const Stream& stream) {
        { p.leaves(l, t, stream) } -> std::same_as<std::vector<Tensor>>;
        { p.effective(l, t, t) } -> std::same_as<std::vector<Tensor>>;
      },
      "Parameterization: add `std::vector<torch::Tensor> leaves(layer, base, stream) const` and "
      "`std::vector<torch::Tensor> effective(layer, base, leaves) const` (docs/policies.md#parameterization)");
  return true;
}

}  // namespace nada
