// Bodies of any_parameterization.hpp.
#pragma once
#include "nada/parameterization/any_parameterization.hpp"

#include <charconv>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE AnyParameterization AnyParameterization::named(std::string_view name, const std::string& what) {
  const auto number_after = [&](std::string_view prefix) {
    int value = 0;
    if (!name.starts_with(prefix)) return 0;
    const auto* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, value);
    return error == std::errc{} && stop == end ? value : 0;
  };
  if (name == FullWeights::name) return Choice{FullWeights{}};
  if (name == AffineOnly::name) return Choice{AffineOnly{}};
  if (name == StyleOffsets::name) return Choice{StyleOffsets{}};
  if (name == ChannelScales::name) return Choice{ChannelScales{}};
  if (const int percent = number_after("style-offsets-top-"); percent >= 1 && percent <= 100)
    return Choice{SparseStyleOffsets{percent}};
  if (const int rank = number_after("low-rank-"); rank >= 1) return Choice{LowRank{rank}};
  fail(what, ": the parameterization '", std::string(name),
       "' is not known here; there are full, affine, style-offsets, style-offsets-top-<percent>, channel-scales and "
       "low-rank-<rank>");
}

NADA_INLINE std::string AnyParameterization::name() const {
  return std::visit([](const auto& p) { return name_of(p); }, choice_);
}

NADA_INLINE bool AnyParameterization::covers(const Layer& layer) const {
  return std::visit([&](const auto& p) { return p.covers(layer); }, choice_);
}

NADA_INLINE std::vector<std::string> AnyParameterization::names(const Layer& layer) const {
  return std::visit([&](const auto& p) { return p.names(layer); }, choice_);
}

NADA_INLINE std::vector<Tensor> AnyParameterization::leaves(const Layer& layer, std::span<const Tensor> base,
                                                            const Stream& stream) const {
  return std::visit([&](const auto& p) { return p.leaves(layer, base, stream); }, choice_);
}

NADA_INLINE std::vector<Tensor> AnyParameterization::effective(const Layer& layer, std::span<const Tensor> base,
                                                               std::span<const Tensor> leaves) const {
  return std::visit([&](const auto& p) { return p.effective(layer, base, leaves); }, choice_);
}

}  // namespace nada
