/// Presets: small deltas with what made them and how they look.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"

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

inline void save_preset(const std::filesystem::path& path, const Preset& preset, const std::filesystem::path& base) {
  auto tensors = preset.delta.leaves;
  const auto bytes = torch::empty({static_cast<std::int64_t>(preset.sample.size())}, torch::kUInt8);
  std::memcpy(bytes.data_ptr<std::uint8_t>(), preset.sample.data(), preset.sample.size());
  tensors["preset.sample"] = bytes;
  save_tensors(path, tensors,
               {{"nada.kind", "preset"},
                {"nada.format", std::string(format_version)},
                {"nada.base", relative_to(base, path.parent_path()).string()},
                {"nada.base_sha256", preset.delta.base_hash},
                {"nada.parameterization", preset.delta.parameterization},
                {"nada.source", preset.source},
                {"nada.target", preset.target},
                {"nada.command", preset.command},
                {"nada.options", preset.options},
                {"nada.metrics", preset.metrics}});
}

inline Preset load_preset(const std::filesystem::path& path) {
  const auto file = Safetensors::open(path);
  require(recognise(file) == FileKind::preset, path, " is ", name_of(recognise(file)), ", expected a preset");
  const auto text = [&](const char* key) { return value_or(file.metadata(), key); };
  Preset out{path.stem().string(), text("nada.source"),  text("nada.target"), text("nada.command"),
             text("nada.options"), text("nada.metrics"), load_delta(file),    {}};
  if (const auto* const sample = file.find("preset.sample"))
    out.sample.assign(sample->bytes.begin(), sample->bytes.end());
  return out;
}

/// All presets of a folder, by name.
inline std::vector<std::filesystem::path> list_presets(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return out;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".safetensors") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

/// The file of a preset: a path, or a name in `folder`. Errors: neither is there; says which names there are.
inline std::filesystem::path find_preset(const std::string& name, const std::filesystem::path& folder) {
  std::error_code error;
  if (const auto named = folder / (name + ".safetensors");
      name.find('/') == std::string::npos && std::filesystem::is_regular_file(named, error))
    return named;
  if (std::filesystem::is_regular_file(name, error)) return name;
  std::string known;
  for (const auto& path : list_presets(folder)) known += (known.empty() ? "" : ", ") + path.stem().string();
  fail("there is no preset '", name, "'; ",
       known.empty() ? "there are none in " + folder.string() : "there are " + known);
}

}  // namespace nada
