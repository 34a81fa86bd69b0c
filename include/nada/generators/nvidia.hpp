/// Tensor names of NVlabs/stylegan2-ada-pytorch, and ours.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace nada {

/// Native name of a tensor of an NVIDIA generator: "synthesis.b64.conv0.affine.bias" -> "conv.64.0.affine.bias"; "" for
/// a FIR filter, which carries no information; nothing for a name that is not known.
std::optional<std::string> from_nvidia(std::string_view name);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/nvidia.ipp"
#endif
