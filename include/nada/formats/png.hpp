/// PNG (libpng); images.hpp says what is read and how.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "nada/formats/picture.hpp"

namespace nada {

/// Returns a PNG file, with the picture's text as iTXt chunks.
/// Errors:  a picture that is not well formed; a keyword that PNG does not allow (1 to 79 printable Latin-1 characters,
///          single blanks inside); a text with a NUL or invalid UTF-8.
std::vector<std::byte> encode_png(const Picture& picture);

namespace detail {

/// Returns the picture that a PNG file holds, turned as its eXIf chunk says, with its text chunks; `what` names the file in errors.
/// Errors:  a file that is cut off or damaged, has more pixels than `limits` allow, or asks for more memory than
///          its size justifies.
Picture decode_png(std::span<const std::byte> bytes, std::string_view what, PictureLimits limits);

}  // namespace detail

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/png.ipp"
#endif
