// Bodies of truths.hpp.
#pragma once
#include "nada/experiment/truths.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <system_error>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/formats/picture_set.hpp"

namespace nada {

namespace detail {

/// Refuses a folder of truths that does not hold 000000.png and so on, without a gap.
NADA_INLINE void require_numbered(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".png") found.push_back(entry.path());
  require(!error, folder, ": cannot be read as a folder: ", error.message());
  std::sort(found.begin(), found.end());
  for (std::size_t i = 0; i < found.size(); ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "%06zu.png", i);
    require(found[i].filename() == name, folder, ": expected a file ", name, ", found ", found[i].filename());
  }
}

}  // namespace detail

NADA_INLINE Tensor read_truths(const std::filesystem::path& path, int side) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  if (folder) detail::require_numbered(path);
  auto out = read_picture_set(path, 0, folder ? 0 : side);
  require(out.size(2) == side && out.size(3) == side, path, ": the truths have ", out.size(3), " x ", out.size(2),
          " pixels, the samples ", side, " a side");
  require(out.size(0) >= 2, path, ": holds one picture, expected a truth for each of at least 2 samples");
  return out;
}

NADA_INLINE Tensor read_codes(const std::filesystem::path& path, const AnyGenerator& generator) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    files.push_back(path);
  } else {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
      const auto inside = entry.path() / "codes.safetensors";
      if (entry.is_directory() && std::filesystem::exists(inside, error)) files.push_back(inside);
    }
    require(!files.empty(), path, ": holds neither NAME.safetensors nor NAME/codes.safetensors");
    std::sort(files.begin(), files.end());
  }
  std::vector<Tensor> out;
  for (const auto& file : files) {
    auto found = load_inversion(file, generator);
    require(found.noise.empty(), file, ": these codes come with noise maps of their own, expected codes alone");
    out.push_back(std::move(found.styles));
  }
  return torch::cat(out);
}

}  // namespace nada
