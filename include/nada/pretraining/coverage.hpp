/// Measures whether a generator draws every class that its training pictures show, and as often.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/pretraining/attribute_classifier.hpp"
#include "nada/pretraining/image_set.hpp"

namespace nada {

/// ClassShares are the shares of the classes of each column, [column][class]. The shares of a column add up to 1, or
/// are all 0 where nothing was counted.
using ClassShares = std::vector<std::vector<double>>;

/// Returns the shares of counted classes, [N, columns] int64 as attribute_numbers() returns them; -1 is not counted.
ClassShares shares_of(const Tensor& numbers, const std::vector<AttributeColumn>& columns);

/// Returns the shares in the tables of a set.
ClassShares told_shares(const ImageSet& set, const std::vector<AttributeColumn>& columns);

/// Returns the shares that a classifier sees among `count` images; `images(first, n)` returns n of them.
template <class Images>
ClassShares seen_shares(const AttributeClassifier& classifier, std::int64_t count, Images&& images) {
  require(count >= 1, "shares of no images");
  std::vector<Tensor> numbers;
  for (std::int64_t at = 0; at < count; at += 50)
    numbers.push_back(classifier.name(images(at, std::min<std::int64_t>(50, count - at)).clamp(-1, 1)));
  return shares_of(at::cat(numbers), classifier.columns());
}

/// Coverage says how many classes appear as often as they should: within a factor of their real share. Classes that the
/// real pictures lack are not counted.
struct Coverage {
  std::int64_t covered = 0, classes = 0;
  double share() const { return classes == 0 ? 1 : static_cast<double>(covered) / static_cast<double>(classes); }
};

/// Whether a seen share is within `factor` of the real share.
inline bool is_covered(double real, double seen, double factor = 2) {
  return seen * factor >= real && seen <= real * factor;
}

Coverage coverage(const std::vector<double>& real, const std::vector<double>& seen, double factor = 2);
/// Returns the coverage of all columns together.
Coverage coverage(const ClassShares& real, const ClassShares& seen, double factor = 2);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/coverage.ipp"
#endif
