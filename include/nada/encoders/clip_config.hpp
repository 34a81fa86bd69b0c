/// The configurations that lie beside CLIP files: Hugging Face's config.json and preprocessor_config.json, OpenCLIP's
/// open_clip_config.json.
///
/// Each key falls in one of four groups: it is honoured; the tensors say the same, or it means something in training
/// only; it has one value here, and another one is refused by the key's name; it is not known, and is refused too.
///
/// Source:  transformers, models/clip/configuration_clip.py; open_clip, src/open_clip/model.py (CLIPVisionCfg,
///          CLIPTextCfg) and transform.py (PreprocessCfg).
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/preprocessing.hpp"

namespace nada {

/// ClipDepths are the numbers of blocks that a configuration tells of the two towers; 0: none told.
struct ClipDepths {
  std::int64_t image = 0, text = 0;
};

}  // namespace nada

namespace nada::detail {

/// ClipConfig is an open configuration of one of the two projects.
class ClipConfig {
 public:
  /// Errors:  a file that is no JSON object.
  explicit ClipConfig(std::filesystem::path path);
  ClipConfig(const ClipConfig&) = delete;
  ClipConfig& operator=(const ClipConfig&) = delete;
  ~ClipConfig();

  /// Reads the settings. Returns the depths.
  /// Errors:  a key that is not known, or has a value that is not honoured.
  ClipDepths read(ClipSettings& settings) const;

 private:
  using Json = nlohmann::json;

  ClipDepths read_huggingface(ClipSettings& settings) const;
  ClipDepths read_openclip(ClipSettings& settings) const;
  /// Returns the part `key` of Hugging Face's file with what `key`_dict says in its place.
  Json tower(const std::string& key) const;

  std::filesystem::path path_;
  std::unique_ptr<const Json> json_;
};

/// Reads mean and deviation from Hugging Face's preprocessor_config.json.
/// Errors:  another way to resize or to normalise than CLIP's.
void read_image_config(const std::filesystem::path& path, Preprocessing& preprocessing);

/// Errors:  towers of other depths than the configuration told: the program that wrote it would leave out the last blocks.
void require_depths(const TensorMap& tensors, const ClipDepths& told, const std::string& what);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/encoders/clip_config.ipp"
#endif
