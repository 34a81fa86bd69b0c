/// Pictures put together: an empty one, one over another, and each pixel as a square.
#pragma once
#include <array>
#include <cstdint>

#include "nada/formats/picture.hpp"

namespace nada {

/// Makes a picture of one colour.
/// Errors:  a side below 1, or more than 2^31 / 3 pixels.
Picture make_canvas(int width, int height, std::array<std::uint8_t, 3> colour = {255, 255, 255});

/// Puts `tile` over `canvas` with the tile's corner at (left, top); pixels outside of the canvas are left out.
void paste(Picture& canvas, const Picture& tile, int left, int top);

/// Returns `picture` with each pixel as a square of `factor` by `factor`, and its text.
/// Errors:  a factor below 1 or a result too large.
Picture enlarge(const Picture& picture, int factor);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/canvas.ipp"
#endif
