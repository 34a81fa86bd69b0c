/// The embedded default: the files under configs/avatars that programs take where the user names none.
#pragma once
#include <filesystem>
#include <vector>

#include "nada/experiment/option_table.hpp"

namespace nada {

/// The folder that holds them all. Nothing here looks whether a file is there; who opens it says so.
std::filesystem::path embedded_folder();

/// The option file of `adapt`: texts, models, objective and training.
std::filesystem::path embedded_options();
/// The generator that is adapted, a StyleGAN2 of faces at 64 px.
std::filesystem::path embedded_generator();
/// The CLIP files that an adaptation sees through, with their weights: those of embedded_options().
/// Errors: that file cannot be read.
std::vector<EncoderChoice> embedded_encoders();
/// The CLIP file that measures: no adaptation sees through it.
std::filesystem::path embedded_held_out_encoder();
/// Prompt templates, one a line.
std::filesystem::path embedded_templates();
/// The JSON list of texts with pictures that show them (experiment/target_list.hpp).
std::filesystem::path embedded_targets();
/// The folder of presets (adaptation/preset.hpp).
std::filesystem::path embedded_presets();
/// The JSON list of recipes that the presets were made from.
std::filesystem::path embedded_recipes();

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/embedded.ipp"
#endif
