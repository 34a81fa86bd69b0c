/// What an optimizer remembers of one leaf.
#pragma once
#include <cstdint>

#include "nada/core/tensor.hpp"

namespace nada {

/// Moments are what an optimizer remembers of one leaf. It uses those that it needs; the others stay undefined.
struct Moments {
  Tensor first = {},
         second = {};      // running means of g and of g^2, shaped as the leaf; undefined before its first gradient
  std::int64_t steps = 0;  // gradients that the leaf has had, this one included
  TensorMap others = {};   // of any shape, by names without dots: what a state file keeps beside the two
};

}  // namespace nada
