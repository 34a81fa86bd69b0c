/// JPEG (libjpeg-turbo); images.hpp says what is read and how.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "nada/formats/picture.hpp"

namespace nada {

/// Returns a JPEG file without chroma subsampling, which does not hold the picture's text; quality in [1, 100].
/// Errors:  a picture that is not well formed or has a side above 65500.
std::vector<std::byte> encode_jpeg(const Picture& picture, int quality = 92);

namespace detail {

/// Returns the picture that a JPEG file holds, turned as its EXIF orientation says; `what` names the file in errors.
/// What libjpeg warns of without losing a pixel passes, such as an unknown JFIF revision or Se = 0 in a sequential scan.
/// Errors:  a file that is cut off or damaged, or has more pixels than `limits` allow or than so small a file can hold.
Picture decode_jpeg(std::span<const std::byte> bytes, std::string_view what, PictureLimits limits);

}  // namespace detail

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/jpeg.ipp"
#endif
