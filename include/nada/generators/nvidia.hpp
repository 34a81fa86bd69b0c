/// Translates tensor names of NVlabs/stylegan2-ada-pytorch to native names.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace nada {

/// Returns the native name of a tensor of an NVIDIA generator: "synthesis.b64.conv0.affine.bias" ->
/// "conv.64.0.affine.bias". A FIR filter, which carries no information, gives ""; an unknown name gives nothing.
std::optional<std::string> from_nvidia(std::string_view name);

/// Returns the name that NVIDIA's project gives a native tensor; an unknown name comes back as it is.
std::string to_nvidia(const std::string& name);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/nvidia.ipp"
#endif
