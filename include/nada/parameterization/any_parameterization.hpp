/// A parameterization chosen at run time by its name.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/parameterization/channel_scales.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/low_rank.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/parameterization/style_offsets.hpp"

namespace nada {

/// AnyParameterization is a menu: a Parameterization that holds one of the list `Choice`. A new parameterization that
/// options are to name is added to `Choice` and to `named()`. One that stays outside trains as well; its deltas hold
/// the weights that it folds into (adaptation/make_delta.hpp).
class AnyParameterization {
 public:
  using Choice = std::variant<FullWeights, AffineOnly, StyleOffsets, SparseStyleOffsets, ChannelScales, LowRank>;

  AnyParameterization(Choice choice = FullWeights{}) : choice_(std::move(choice)) {}

  /// Returns the parameterization whose name() is `name`: "full", "affine", "style-offsets",
  /// "style-offsets-top-<percent>", "channel-scales" or "low-rank-<rank>". The rank and the
  /// percentage are read from the name.
  /// Errors:  another name, telling `what` and the known names.
  static AnyParameterization named(std::string_view name, const std::string& what);

  const Choice& choice() const { return choice_; }
  std::string name() const;
  bool covers(const Layer& layer) const;
  std::vector<std::string> names(const Layer& layer) const;
  std::vector<Tensor> leaves(const Layer& layer, std::span<const Tensor> base, const Stream& stream) const;
  std::vector<Tensor> effective(const Layer& layer, std::span<const Tensor> base, std::span<const Tensor> leaves) const;

 private:
  Choice choice_;
};

namespace detail {
template <class P, class Choice>
struct is_choice;
template <class P, class... Ps>
struct is_choice<P, std::variant<Ps...>> : std::disjunction<std::is_same<P, Ps>...> {};
}  // namespace detail

/// Whether AnyParameterization::named() can make a parameterization of type P again from its name.
template <class P>
inline constexpr bool is_in_menu =
    std::is_same_v<P, AnyParameterization> || detail::is_choice<P, AnyParameterization::Choice>::value;

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/parameterization/any_parameterization.ipp"
#endif
