/// Several pictures: a folder of files, or one file of tiles.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/picture.hpp"

namespace nada {

/// The tiles of `size` pixels that fill a picture, row by row. Errors: a picture that they do not fill.
std::vector<Picture> cut_tiles(const Picture& sheet, int size, const std::string& what);

/// Pictures of a folder (PNG and JPEG files by name, not those in folders below), or of one file: itself, or with
/// `tile` > 0 its tiles. All come as their centre squares of `size` pixels, resized as PIL does it; size 0: as they
/// are, which must then agree. Errors: no such path, a folder without pictures, a file that is none.
Tensor read_picture_set(const std::filesystem::path& path, int size = 0, int tile = 0);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/picture_set.ipp"
#endif
