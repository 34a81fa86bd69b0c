/// Measures what an edit does to the attributes of pictures.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/pretraining/attribute_classifier.hpp"

namespace nada {

/// AttributeChange says what became of one column of attributes.
struct AttributeChange {
  std::string column;
  std::vector<std::string> texts;     // the classes
  double kept = 0;                    // share of the pictures that are named alike before and after
  std::vector<double> before, after;  // shares of the classes

  /// Returns the place of a text among `texts`, -1 where it is none.
  std::int64_t number(std::string_view text) const;
};

/// Returns the changes of all columns from the classes before to those after, [N, columns] int64 of the same pictures, as
/// AttributeClassifier::name() gives them.
/// Errors:  other shapes; no pictures.
std::vector<AttributeChange> attribute_changes(const std::vector<AttributeColumn>& columns, const Tensor& before,
                                               const Tensor& after);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/attribute_change.ipp"
#endif
