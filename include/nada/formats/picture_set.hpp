/// Several pictures: a folder of files, or one file of tiles.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/picture.hpp"

namespace nada {

/// Returns the tiles of `size` pixels that fill a picture, row by row.
/// Errors:  a picture that tiles do not fill.
std::vector<Picture> cut_tiles(const Picture& sheet, int size, const std::string& what);

/// Hands over the pictures of a folder (PNG and JPEG files by name, without folders below), or of one file, one at a time: the
/// picture itself, or its tiles where `tile` > 0.
/// Errors:  no such path, a folder without pictures, a file that is no picture.
void each_picture(const std::filesystem::path& path, int tile, const std::function<void(Picture)>& take);

/// Returns the pictures of a folder (PNG and JPEG files by name, without folders below), or of one file: the picture
/// itself, or its tiles where `tile` > 0. Each picture becomes its centre square of `size` pixels, resized as PIL does;
/// with size 0, pictures stay as they are and must agree in size.
/// Errors:  no such path, a folder without pictures, a file that is no picture.
Tensor read_picture_set(const std::filesystem::path& path, int size = 0, int tile = 0);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/picture_set.ipp"
#endif
