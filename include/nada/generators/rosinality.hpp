/// Tensor names of rosinality/stylegan2-pytorch, and ours.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nada {

/// Where a tensor of a rosinality state dict stands in the native naming, and how many leading dimensions of size 1 it
/// has more.
struct RosinalityName {
  std::string native;         // "conv.8.0.weight"; "" for a tensor that carries no information (FIR kernels)
  bool drop_leading = false;  // [1, O, I, 3, 3] -> [O, I, 3, 3]
  bool flatten = false;       // [1, 3, 1, 1] -> [3]; [1] -> []
};

/// Errors: none; a name that is not known gives nullopt.
std::optional<RosinalityName> from_rosinality(std::string_view name);

/// The rosinality name of a native tensor, without FIR kernels; nothing where that project has no such tensor.
/// Its shape: weights of convolutions get a first dimension of 1, RGB biases are [1, 3, 1, 1], noise strengths [1],
/// noise maps [1, 1, r, r].
std::optional<std::string> to_rosinality(std::string_view name);

/// The native shape of a rosinality tensor: see RosinalityName.
std::vector<std::int64_t> native_shape(const RosinalityName& name, std::vector<std::int64_t> shape,
                                       std::string_view what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/rosinality.ipp"
#endif
