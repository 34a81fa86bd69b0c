/// Whether a generator draws all that its pictures show, and as often.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/pretraining/attribute_classifier.hpp"
#include "nada/pretraining/image_set.hpp"

namespace nada {

/// Shares of the classes of each column, [column][class]; each column's add up to 1, or are all 0 where nothing was
/// counted.
using ClassShares = std::vector<std::vector<double>>;

/// Shares among counted classes, [N, columns] int64 as attribute_numbers() gives them; -1 is not counted.
ClassShares shares_of(const Tensor& numbers, const std::vector<AttributeColumn>& columns);

/// Shares that the tables of a set tell.
ClassShares told_shares(const ImageSet& set, const std::vector<AttributeColumn>& columns);

/// Shares that a classifier sees among `count` images; `images(first, n)` gives some of them.
template <class Images>
ClassShares seen_shares(const AttributeClassifier& classifier, std::int64_t count, Images&& images) {
  require(count >= 1, "shares of no images");
  std::vector<Tensor> numbers;
  for (std::int64_t at = 0; at < count; at += 50)
    numbers.push_back(classifier.name(images(at, std::min<std::int64_t>(50, count - at)).clamp(-1, 1)));
  return shares_of(at::cat(numbers), classifier.columns());
}

/// How many classes appear as often as they should: within a factor of their real share. Classes that the real pictures
/// lack are not counted.
struct Coverage {
  std::int64_t covered = 0, classes = 0;
  double share() const { return classes == 0 ? 1 : static_cast<double>(covered) / static_cast<double>(classes); }
};

/// Whether a share is as it should be.
inline bool is_covered(double real, double seen, double factor = 2) {
  return seen * factor >= real && seen <= real * factor;
}

Coverage coverage(const std::vector<double>& real, const std::vector<double>& seen, double factor = 2);
/// Of all columns.
Coverage coverage(const ClassShares& real, const ClassShares& seen, double factor = 2);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/coverage.ipp"
#endif
