/// The embedded default: the files under configs/avatars that programs take where the user names none.
#pragma once
#include <filesystem>
#include <vector>

#include "nada/experiment/option_table.hpp"
#include "nada/inversion/alignment.hpp"

namespace nada {

/// Returns the folder that holds these files. No function here checks whether a file is there; the code that opens
/// the file does.
std::filesystem::path embedded_folder();

/// Returns the option file of the whole embedded default: the default recipe with the embedded models.
std::filesystem::path embedded_options();
/// Returns the option file of the embedded models: generator, encoders, and the texts that they know.
std::filesystem::path embedded_models();
/// Returns the generator that is adapted, a StyleGAN2 of faces at 128 px.
std::filesystem::path embedded_generator();
/// Returns the CLIP files that an adaptation sees through, with the weights that embedded_models() gives them.
/// Errors:  an option file that cannot be read.
std::vector<EncoderChoice> embedded_encoders();
/// Returns the CLIP file that measures; no adaptation sees through this file.
std::filesystem::path embedded_held_out_encoder();
/// Returns the inverter of embedded_generator().
std::filesystem::path embedded_inverter();
/// Returns where faces are in the pictures of embedded_generator().
Framing embedded_framing();
/// Returns the file of prompt templates, one template a line.
std::filesystem::path embedded_templates();
/// Returns the JSON list of texts with pictures that show them (experiment/target_list.hpp).
std::filesystem::path embedded_targets();
/// Returns the folder of presets (adaptation/preset.hpp).
std::filesystem::path embedded_presets();
/// Returns the JSON list of recipes that the presets were made from.
std::filesystem::path embedded_recipes();

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/embedded.ipp"
#endif
