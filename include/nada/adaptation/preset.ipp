// Bodies of preset.hpp.
#pragma once
#include "nada/adaptation/preset.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/hub_address.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE void save_preset(const std::filesystem::path& path, const Preset& preset,
                             const std::filesystem::path& base) {
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

NADA_INLINE Preset load_preset(const std::filesystem::path& path) {
  const auto file = Safetensors::open(model_path(path));
  require(recognise(file) == FileKind::preset, path, " is ", name_of(recognise(file)), ", expected a preset");
  const auto text = [&](const char* key) { return value_or(file.metadata(), key); };
  Preset out{value_or(file.metadata(), "nada.name", path.stem().string()),
             text("nada.source"),
             text("nada.target"),
             text("nada.command"),
             text("nada.options"),
             text("nada.metrics"),
             load_delta(file),
             {}};
  if (const auto* const sample = file.find("preset.sample"))
    out.sample.assign(sample->bytes.begin(), sample->bytes.end());
  return out;
}

NADA_INLINE std::vector<std::filesystem::path> list_presets(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return out;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".safetensors") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

NADA_INLINE std::filesystem::path find_preset(const std::string& name, const std::filesystem::path& folder) {
  std::error_code error;
  if (is_hub_address(name)) return name;
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
