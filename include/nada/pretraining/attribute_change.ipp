// Bodies of attribute_change.hpp.
#pragma once
#include "nada/pretraining/attribute_change.hpp"

#include <algorithm>
#include <cstddef>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/pretraining/coverage.hpp"

namespace nada {

NADA_INLINE std::int64_t AttributeChange::number(std::string_view text) const {
  const auto found = std::find(texts.begin(), texts.end(), text);
  return found == texts.end() ? -1 : found - texts.begin();
}

NADA_INLINE std::vector<AttributeChange> attribute_changes(const std::vector<AttributeColumn>& columns,
                                                           const Tensor& before, const Tensor& after) {
  require(before.dim() == 2 && before.sizes() == after.sizes() && before.size(0) > 0 &&
              before.size(1) == static_cast<std::int64_t>(columns.size()),
          "attributes of shapes ", shape_text(before.sizes()), " and ", shape_text(after.sizes()), ", expected [N, ",
          columns.size(), "] twice");
  const auto first = shares_of(before, columns), last = shares_of(after, columns);
  const auto kept = before.eq(after).to(torch::kFloat64).mean(0);
  std::vector<AttributeChange> out;
  for (std::size_t c = 0; c < columns.size(); ++c)
    out.push_back(
        {columns[c].name, columns[c].texts, kept[static_cast<std::int64_t>(c)].item<double>(), first[c], last[c]});
  return out;
}

}  // namespace nada
