/// Presets: small deltas with the options that made them and a picture of their images.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/adaptation/delta_file.hpp"

namespace nada {

/// Preset is the content of a file of kind `preset`: the delta's leaves, `preset.sample` (the
/// bytes of a PNG), and metadata.
struct Preset {
  std::string name;            // name of the file without its extension, or what the file says (nada.name)
  std::string source, target;  // prompts
  std::string command;         // command line that made the delta
  std::string options;         // options.cfg of that run
  std::string metrics;         // JSON object of the numbers measured when the preset was made
  Delta delta;
  std::vector<std::byte> sample;  // PNG
};

void save_preset(const std::filesystem::path& path, const Preset& preset, const std::filesystem::path& base);

Preset load_preset(const std::filesystem::path& path);

/// Returns the files of all presets of a folder, sorted by name.
std::vector<std::filesystem::path> list_presets(const std::filesystem::path& folder);

/// Returns the file of a preset that is given by its name in `folder` or by its path.
/// Errors:  a preset that is in neither place, listing the names in `folder`.
std::filesystem::path find_preset(const std::string& name, const std::filesystem::path& folder);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/preset.ipp"
#endif
