// Bodies of picture_set.hpp.
#pragma once
#include "nada/formats/picture_set.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_resize.hpp"

namespace nada {

NADA_INLINE std::vector<Picture> cut_tiles(const Picture& sheet, int size, const std::string& what) {
  require(size >= 1 && sheet.width % size == 0 && sheet.height % size == 0, what, ": is ", sheet.width, "x",
          sheet.height, " pixels, which tiles of ", size, " pixels do not fill");
  std::vector<Picture> out;
  for (int top = 0; top < sheet.height; top += size)
    for (int left = 0; left < sheet.width; left += size) out.push_back(crop(sheet, left, top, size, size));
  return out;
}

NADA_INLINE void each_picture(const std::filesystem::path& path, int tile, const std::function<void(Picture)>& take) {
  if (std::filesystem::is_directory(path)) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      auto extension = entry.path().extension().string();
      std::transform(extension.begin(), extension.end(), extension.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    require(!files.empty(), path, ": the folder holds no .png, .jpg or .jpeg file");
    for (const auto& file : files) take(read_picture(file));
    return;
  }
  auto picture = read_picture(path);
  if (tile <= 0) return take(std::move(picture));
  for (auto& one : cut_tiles(picture, tile, path.string())) take(std::move(one));
}

NADA_INLINE Tensor read_picture_set(const std::filesystem::path& path, int size, int tile) {
  std::vector<Picture> pictures;
  each_picture(path, tile, [&](Picture picture) {
    pictures.push_back(size > 0 ? centre_square(picture, size) : std::move(picture));
  });
  return to_images(pictures);
}

}  // namespace nada
