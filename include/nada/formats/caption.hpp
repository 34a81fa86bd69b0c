/// Captions: small text on pictures, for grids that must say what is what.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "nada/formats/picture.hpp"

namespace nada {

/// Pixels of a line of captions at scale 1: letters are 5 wide and 8 high, with one pixel between them.
inline constexpr int caption_height = 8, caption_advance = 6;

/// Returns the width in pixels of `text` at `scale`; UTF-8 counts by code points. 0: no text.
int caption_width(std::string_view text, int scale = 1);

/// Writes one line of `text` with its upper left corner at (left, top), each pixel of a letter as a square of `scale`;
/// what lies outside of the canvas is left out. Code points beyond ASCII, and control characters, are written as '?'.
/// Errors:  a scale below 1.
void draw_caption(Picture& canvas, std::string_view text, int left, int top, int scale = 1,
                  std::array<std::uint8_t, 3> colour = {0, 0, 0});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/caption.ipp"
#endif
