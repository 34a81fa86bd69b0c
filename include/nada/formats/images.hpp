/// Pictures as files: PNG (libpng) and JPEG (libjpeg-turbo), always as 8-bit RGB.
///
/// Every PNG is read (grey, palette, 16 bits, alpha, interlaced) and every 8-bit JPEG (grey, CMYK, progressive): alpha
/// is composited on white, EXIF orientation is applied (JPEG's APP1, PNG's eXIf), colour profiles and gamma are ignored, as PIL does. Memory
/// stays within what the file's size and PictureLimits justify, whatever the file's header claims.
///
/// Errors:  a picture that is cut off or damaged; the sentence names the file.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "nada/formats/jpeg.hpp"
#include "nada/formats/picture.hpp"
#include "nada/formats/png.hpp"

namespace nada {

/// Reads a picture from the bytes of a PNG or JPEG file, which is known by its beginning; `what` names the
/// file in errors.
Picture decode_picture(std::span<const std::byte> bytes, std::string_view what, PictureLimits limits = {});

/// Reads a picture from a file.
/// Errors:  as MappedFile and decode_picture.
Picture read_picture(const std::filesystem::path& path, PictureLimits limits = {});

/// Writes a picture in the format of its extension: .png, .jpg or .jpeg.
/// Errors:  another extension; as the encoders and AtomicFile.
void write_picture(const std::filesystem::path& path, const Picture& picture);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/images.ipp"
#endif
