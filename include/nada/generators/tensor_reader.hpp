/// Takes a model's tensors out of a map by name, and checks their shapes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"

namespace nada {

/// TensorReader takes tensors out of `tensors`; `what` names their origin in messages.
struct TensorReader {
  TensorMap& tensors;
  const std::string& what;

  bool has(const std::string& name) const { return tensors.count(name) > 0; }
  /// Takes a tensor of this shape (-1: any number above 0); undefined where there is none of that name.
  /// Errors:  another shape; numbers that are not floating-point.
  Tensor take_optional(const std::string& name, std::vector<std::int64_t> shape);
  /// As above. Errors:  besides, a tensor that is missing.
  Tensor take(const std::string& name, std::vector<std::int64_t> shape);
  /// Errors:  a tensor that nothing took, which then has no place in `model` ("a StyleGAN2 generator").
  void finish(const char* model) const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/tensor_reader.ipp"
#endif
