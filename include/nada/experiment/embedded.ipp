// Bodies of embedded.hpp.
#pragma once
#include "nada/experiment/embedded.hpp"

#include "nada/core/config.hpp"
#include "nada/experiment/build.hpp"
#include "nada/formats/options_file.hpp"

namespace nada {

NADA_INLINE std::filesystem::path embedded_folder() { return configs() / "avatars"; }
NADA_INLINE std::filesystem::path embedded_options() { return embedded_folder() / "default.cfg"; }
NADA_INLINE std::filesystem::path embedded_models() { return embedded_folder() / "models.cfg"; }
NADA_INLINE std::filesystem::path embedded_generator() { return embedded_folder() / "generator.safetensors"; }
NADA_INLINE std::filesystem::path embedded_held_out_encoder() { return embedded_folder() / "encoder_held.safetensors"; }
NADA_INLINE std::filesystem::path embedded_inverter() { return embedded_folder() / "inverter.safetensors"; }
// Measured on the mean of 1000 renders: eyes at (0.363, 0.645) and (0.633, 0.645), mouth at (0.498, 0.84) of the side. The
// mouth of a photo is farther down than theirs, so it does not widen the square before FFHQ's would.
NADA_INLINE Framing embedded_framing() { return {3.7, 3.6, -0.75}; }
NADA_INLINE std::filesystem::path embedded_templates() { return embedded_folder() / "templates.txt"; }
NADA_INLINE std::filesystem::path embedded_targets() { return embedded_folder() / "targets.json"; }
NADA_INLINE std::filesystem::path embedded_presets() { return embedded_folder() / "presets"; }
NADA_INLINE std::filesystem::path embedded_recipes() { return embedded_folder() / "presets.json"; }

NADA_INLINE std::vector<EncoderChoice> embedded_encoders() {
  std::vector<EncoderChoice> out;
  for (const auto& line : read_options(embedded_models()))
    if (line.key == "encoder") out.push_back(read_encoder_choice(line.value, embedded_folder()));
  return out;
}

}  // namespace nada
