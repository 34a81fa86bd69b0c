// Fuzz target: lists of presets, whose names become files.
#include "nada/experiment/preset_recipes.hpp"

#include <filesystem>

#include "fuzz.hpp"

using namespace nada;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = fuzz::as_file(fuzz::as_input(data, size));
  fuzz::attempt(path.native(), size, [&] {
    for (const auto& recipe : read_preset_recipes(path)) {
      fuzz::hold(!recipe.name.empty() && !recipe.target.empty(), "an empty recipe");
      const std::filesystem::path folder = "/presets", file = folder / (recipe.name + ".safetensors");
      fuzz::hold(file.lexically_normal().parent_path() == folder, "a preset outside of its folder");
    }
  });
  return 0;
}
