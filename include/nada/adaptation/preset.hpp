/// Presets: small deltas with what made them and how they look.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/adaptation/delta_file.hpp"

namespace nada {

/// One file of kind `preset`: the delta's leaves, `preset.sample` (the bytes of a PNG), and metadata.
struct Preset {
  std::string name;            // of the file, without its extension
  std::string source, target;  // prompts
  std::string command;         // that made the delta, and can be typed
  std::string options;         // options.cfg of that run
  std::string metrics;         // JSON object: measured when it was made
  Delta delta;
  std::vector<std::byte> sample;  // PNG
};

void save_preset(const std::filesystem::path& path, const Preset& preset, const std::filesystem::path& base);

Preset load_preset(const std::filesystem::path& path);

/// All presets of a folder, by name.
std::vector<std::filesystem::path> list_presets(const std::filesystem::path& folder);

/// The file of a preset: a path, or a name in `folder`. Errors: neither is there; says which names there are.
std::filesystem::path find_preset(const std::string& name, const std::filesystem::path& folder);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/preset.ipp"
#endif
