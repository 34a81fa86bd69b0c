/// Translates tensor names between rosinality/stylegan2-pytorch and the native naming.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nada {

/// RosinalityName is the native name of a tensor of a rosinality state dict, with the dimensions of size 1 that
/// the native tensor does not have.
struct RosinalityName {
  std::string native;         // "conv.8.0.weight"; "" for a tensor that carries no information (FIR kernels)
  bool drop_leading = false;  // [1, O, I, 3, 3] -> [O, I, 3, 3]
  bool flatten = false;       // [1, 3, 1, 1] -> [3]; [1] -> []
};

/// Returns the native name of a rosinality tensor; an unknown name gives nullopt.
std::optional<RosinalityName> from_rosinality(std::string_view name);

/// Returns the rosinality name of a native tensor; nothing where that project has no such tensor. FIR kernels are not
/// among the names. Shapes differ as follows: weights of convolutions get a first dimension of 1, RGB biases are [1, 3,
/// 1, 1], noise strengths [1], noise maps [1, 1, r, r].
std::optional<std::string> to_rosinality(std::string_view name);

/// Returns the native shape of a rosinality tensor; see RosinalityName.
/// Errors:  a first dimension that should be 1 and is not; `what` names the tensor.
std::vector<std::int64_t> native_shape(const RosinalityName& name, std::vector<std::int64_t> shape,
                                       std::string_view what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/rosinality.ipp"
#endif
