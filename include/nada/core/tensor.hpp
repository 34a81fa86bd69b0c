/// The tensor type and what every numerical header needs of LibTorch. The only place that knows LibTorch versions.
#pragma once
#include <torch/types.h>
#include <torch/version.h>

#include <cstddef>
#include <map>
#include <string>

namespace nada {

using torch::Tensor;
using TensorMap = std::map<std::string, Tensor>;  ///< tensors by name

/// Shapes in messages: [2, 3, 64, 64].
inline std::string shape_text(torch::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace nada
