// Bodies of coverage.hpp.
#pragma once
#include "nada/pretraining/coverage.hpp"

#include <cstddef>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE ClassShares shares_of(const Tensor& numbers, const std::vector<AttributeColumn>& columns) {
  ClassShares out;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    auto& shares = out.emplace_back(columns[c].texts.size(), 0.0);
    const auto column = numbers.select(1, static_cast<std::int64_t>(c)).contiguous();
    double all = 0;
    for (std::int64_t i = 0; i < column.numel(); ++i)
      if (const auto number = column.data_ptr<std::int64_t>()[i]; number >= 0) {
        shares.at(static_cast<std::size_t>(number)) += 1;
        ++all;
      }
    for (auto& share : shares) share /= std::max(all, 1.0);
  }
  return out;
}

NADA_INLINE ClassShares told_shares(const ImageSet& set, const std::vector<AttributeColumn>& columns) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < set.size(); ++i) all.push_back(i);
  return shares_of(attribute_numbers(set, all, columns), columns);
}

NADA_INLINE Coverage coverage(const std::vector<double>& real, const std::vector<double>& seen, double factor) {
  require(real.size() == seen.size(), "shares of ", real.size(), " and of ", seen.size(), " classes");
  Coverage out;
  for (std::size_t i = 0; i < real.size(); ++i) {
    if (real[i] == 0) continue;
    ++out.classes;
    if (is_covered(real[i], seen[i], factor)) ++out.covered;
  }
  return out;
}

NADA_INLINE Coverage coverage(const ClassShares& real, const ClassShares& seen, double factor) {
  require(real.size() == seen.size(), "shares of ", real.size(), " and of ", seen.size(), " columns");
  Coverage out;
  for (std::size_t c = 0; c < real.size(); ++c) {
    const auto one = coverage(real[c], seen[c], factor);
    out.covered += one.covered;
    out.classes += one.classes;
  }
  return out;
}

}  // namespace nada
