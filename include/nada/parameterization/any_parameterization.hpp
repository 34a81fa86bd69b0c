/// A parameterization chosen at run time by its name.
#pragma once
#include <span>
#include <string>
#include <string_view>
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

/// AnyParameterization is a menu: a Parameterization that holds one of the list `Choice`. A new parameterization is
/// added to `Choice` and to `named()`.
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

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/parameterization/any_parameterization.ipp"
#endif
