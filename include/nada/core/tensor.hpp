/// The tensor type, and the parts of LibTorch that every numerical header needs.
#pragma once
#include <torch/types.h>
#include <torch/version.h>

#include <cstddef>
#include <map>
#include <string>

namespace nada {

using torch::Tensor;
using TensorMap = std::map<std::string, Tensor>;  ///< tensors by name

/// Writes a shape for messages: [2, 3, 64, 64].
inline std::string shape_text(torch::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace nada
