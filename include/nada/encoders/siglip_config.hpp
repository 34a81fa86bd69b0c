/// The configurations that lie beside SigLIP's files: Hugging Face's config.json and preprocessor_config.json, OpenCLIP's
/// open_clip_config.json with an image tower of timm's. Keys are honoured or refused as in clip_config.hpp.
///
/// Sources: transformers 4.49, models/siglip/configuration_siglip.py and image_processing_siglip.py; open_clip 3.3,
///          model.py and model_configs/ViT-*-SigLIP*.json; timm 1.0, models/vision_transformer.py (heads, activations).
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <filesystem>

#include "nada/encoders/clip.hpp"
#include "nada/encoders/clip_config.hpp"

namespace nada::detail {

/// Reads Hugging Face's configuration of model_type siglip. Returns the depths.
/// Errors:  a key that is not known, or has a value that is not honoured.
ClipDepths read_siglip_config(const std::filesystem::path& path, const nlohmann::json& json, ClipSettings& settings);

/// Whether an OpenCLIP model_cfg asks for an image tower of timm's.
bool has_timm_tower(const nlohmann::json& model);

/// Reads OpenCLIP's configuration with an image tower of timm's, which must be SigLIP's. `images` is its preprocess_cfg.
/// Returns the depths.
/// Errors:  another tower of timm's; a key that is not known, or has a value that is not honoured.
ClipDepths read_openclip_siglip(const std::filesystem::path& path, const nlohmann::json& model,
                                const nlohmann::json& images, ClipSettings& settings);

/// Returns the way in which SigLIP's images are prepared where nothing else is said.
Preprocessing siglip_preprocessing();

/// Reads Hugging Face's preprocessor_config.json beside a SigLIP.
/// Errors:  another way to resize or to normalise than SigLIP's.
void read_siglip_image_config(const std::filesystem::path& path, ClipSettings& settings);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/encoders/siglip_config.ipp"
#endif
