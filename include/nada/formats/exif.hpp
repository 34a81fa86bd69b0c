/// Which way up a picture is: the orientation that cameras write beside the pixels.
///
/// Source:  JEITA CP-3451, Exif 2.3, section 4.6.4 (the tag Orientation); PNG, third edition, chunk eXIf.
#pragma once
#include <cstddef>
#include <span>

#include "nada/formats/picture.hpp"

namespace nada::detail {

/// Returns the orientation, 1 to 8, that `tiff` holds: a TIFF header with its first directory, as it stands in PNG's
/// eXIf and behind "Exif\0\0" in JPEG's APP1. The number may be a SHORT, as it should, a LONG or a BYTE. Gives 1 where
/// there is none.
int exif_orientation(std::span<const std::byte> tiff);

/// Returns the picture turned upright from the way it was stored; `orientation` in [1, 8].
Picture oriented(Picture stored, int orientation);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/exif.ipp"
#endif
