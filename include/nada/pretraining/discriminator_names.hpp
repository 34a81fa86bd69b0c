/// Tensor names of the public projects' StyleGAN2 discriminators, and ours.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "nada/formats/model_file.hpp"
#include "nada/generators/load.hpp"
#include "nada/pretraining/discriminator.hpp"

namespace nada {

/// Native name of a tensor of an NVIDIA discriminator: "b64.conv0.weight" -> "conv.64.0.weight"; "" for a FIR filter,
/// nothing for a name that is not known.
std::optional<std::string> discriminator_from_nvidia(std::string_view name);

/// The same for rosinality's names, whose blocks are counted from the largest, of `resolution` pixels, on:
/// "convs.1.conv2.1.weight" -> "conv.64.1.weight".
std::optional<std::string> discriminator_from_rosinality(std::string_view name, int resolution);

/// The native name of a discriminator file's tensor, whichever project wrote it.
std::optional<std::string> native_discriminator_name(const ModelFile& file, std::string_view name);

/// Reads a discriminator with rosinality's or NVIDIA's names. Errors: another kind of file, NaN, tensors that are
/// missing or do not fit.
StyleGan2Discriminator load_discriminator(const ModelFile& file, Placement place = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/discriminator_names.ipp"
#endif
