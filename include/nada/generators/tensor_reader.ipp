// Bodies of tensor_reader.hpp.
#pragma once
#include "nada/generators/tensor_reader.hpp"

#include <cstddef>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Tensor TensorReader::take_optional(const std::string& name, std::vector<std::int64_t> shape) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return {};
  auto value = std::move(found->second);
  tensors.erase(found);
  bool fits = value.dim() == static_cast<std::int64_t>(shape.size());
  for (std::size_t i = 0; fits && i < shape.size(); ++i)
    fits = shape[i] < 0 ? value.size(static_cast<std::int64_t>(i)) > 0
                        : value.size(static_cast<std::int64_t>(i)) == shape[i];
  std::string expected = shape_text(shape);
  require(fits, what, ": tensor ", shown(name), " has shape ", shape_text(value.sizes()), ", expected ", expected,
          " (-1: any)");
  require(value.is_floating_point(), what, ": tensor ", shown(name), " does not hold floating-point numbers");
  return value;
}

NADA_INLINE Tensor TensorReader::take(const std::string& name, std::vector<std::int64_t> shape) {
  auto value = take_optional(name, std::move(shape));
  require(value.defined(), what, ": tensor ", shown(name), " is missing");
  return value;
}

NADA_INLINE void TensorReader::finish(const char* model) const {
  require(tensors.empty(), what, ": tensor ", tensors.empty() ? "" : shown(tensors.begin()->first), " has no place in ",
          model, " of this size");
}

}  // namespace nada
