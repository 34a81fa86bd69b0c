/// Translates the tensor names of public projects' StyleGAN2 discriminators to native names.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "nada/formats/model_file.hpp"
#include "nada/generators/load.hpp"
#include "nada/pretraining/discriminator.hpp"

namespace nada {

/// Returns the native name of a tensor of an NVIDIA discriminator: "b64.conv0.weight" -> "conv.64.0.weight". A FIR
/// filter gives "", an unknown name nothing.
std::optional<std::string> discriminator_from_nvidia(std::string_view name);

/// Returns the native name of a tensor of a rosinality discriminator: "convs.1.conv2.1.weight" ->
/// "conv.64.1.weight". That project counts blocks from the largest, of `resolution` pixels, on. A FIR filter
/// gives "", an unknown name nothing.
std::optional<std::string> discriminator_from_rosinality(std::string_view name, int resolution);

/// Returns the native name of a discriminator file's tensor, whichever project wrote the file.
std::optional<std::string> native_discriminator_name(const ModelFile& file, std::string_view name);

/// Reads a discriminator with rosinality's or NVIDIA's names.
/// Errors:  another kind of file; NaN; tensors that are missing or do not fit.
StyleGan2Discriminator load_discriminator(const ModelFile& file, Placement place = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/discriminator_names.ipp"
#endif
