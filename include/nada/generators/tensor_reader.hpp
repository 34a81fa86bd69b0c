/// Takes a model's tensors out of a map by name, and checks their shapes.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"

namespace nada {

/// NameInFile returns the name that a file gives the tensor of a native name, for messages; empty: the same name.
using NameInFile = std::function<std::string(const std::string&)>;

/// TensorReader takes tensors out of `tensors`; `what` names their origin in messages, `name_in_file` the tensors.
struct TensorReader {
  TensorMap& tensors;
  const std::string& what;
  NameInFile name_in_file = {};

  std::string shown(const std::string& name) const { return name_in_file ? name_in_file(name) : name; }
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
