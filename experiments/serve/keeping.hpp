/// Keeps finished runs as presets of this server.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/any_generator.hpp"
#include "studio.hpp"

namespace nada::serve {

/// Returns four samples of the look that a delta gives, as a PNG.
inline std::vector<std::byte> sample_of(const Delta& delta, const std::string& name, const Studio& studio) {
  std::vector<Latent> latents;
  for (std::int64_t i = 0; i < 4; ++i) latents.push_back({0, i});
  const auto row = Studio::render(apply_delta(studio.source(), delta, name), {studio.styles(latents, 0.8), {}});
  return encode_png(make_grid({row}, studio.source().resolution()));
}

/// Writes the result of the run in `folder` as the preset presets/<name>.safetensors of `presets` and adds the preset
/// to the studio. The function computes, so call it from one thread.
/// Errors:  Refusal 409 where there is a preset of that name.
inline void keep_run(const std::filesystem::path& folder, const std::string& name, const std::filesystem::path& presets,
                     Studio& studio) {
  if (studio.has(name)) refuse(409, "there is a preset ", in_quotes(name), " already");
  const auto file = Safetensors::open(folder / "adapted.safetensors");
  Preset preset;
  preset.name = name;
  preset.source = value_or(file.metadata(), "nada.source");
  preset.target = value_or(file.metadata(), "nada.target");
  preset.options = read_text(folder / "options.cfg");
  preset.command = "./quickstart adapt --target \"" + preset.target + "\"";
  preset.metrics = "{}";
  preset.delta = load_delta(file);
  preset.sample = sample_of(preset.delta, name, studio);
  std::error_code error;
  std::filesystem::create_directories(presets, error);
  if (error) refuse(500, "cannot make the folder of presets: ", error.message());
  const auto path = presets / (name + ".safetensors");
  save_preset(path, preset, studio.generator_path());
  studio.add_preset(path, /*own=*/true);
}

}  // namespace nada::serve
