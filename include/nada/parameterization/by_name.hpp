/// From the name in a delta's file to the parameterization that folds it back.
#pragma once
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "nada/core/error.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/parameterization/channel_scales.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/low_rank.hpp"
#include "nada/parameterization/style_offsets.hpp"

namespace nada {

/// Calls `visit` with something that has the names() and effective() of the parameterization called `name`. Ranks are
/// in the shapes of the leaves, so that one LowRank folds all. Errors: a name that is not known here, telling `what`.
template <class Visit>
decltype(auto) with_parameterization(std::string_view name, const std::string& what, Visit&& visit) {
  const auto number = [&](std::string_view prefix) {
    int value = 0;
    const auto* const end = name.data() + name.size();
    if (!name.starts_with(prefix)) return 0;
    const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, value);
    return error == std::errc{} && stop == end ? value : 0;
  };
  if (name == FullWeights::name) return visit(FullWeights{});
  if (name == AffineOnly::name) return visit(AffineOnly{});
  if (name == StyleOffsets::name) return visit(StyleOffsets{});
  if (name == ChannelScales::name) return visit(ChannelScales{});
  if (const int percent = number(SparseStyleOffsets<1>::prefix); percent >= 1 && percent <= 100)
    return visit(TopStyleOffsets{percent / 100.0});
  if (number(LowRank<1>::prefix) >= 1) return visit(LowRank<1>{});
  fail(what, ": the parameterization '", std::string(name), "' is not known here");
}

}  // namespace nada
