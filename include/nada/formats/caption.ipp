// Bodies of caption.hpp.
#pragma once
#include "nada/formats/caption.hpp"

#include <algorithm>
#include <cstddef>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/canvas.hpp"

namespace nada {

namespace detail {
/// The letters from ' ' to '~': 8 rows of 5 pixels, the upper left one in bit 39. The last row holds what hangs below the
/// line.
inline constexpr std::array<std::uint64_t, 95> caption_letters{
    0x0000000000, 0x2108420080, 0x5280000000, 0x52BEAFA940, 0x23E8E2F880, 0xCE44444E60, 0x64A88AC9A0, 0x2100000000,
    0x1110841040, 0x4104211100, 0x012AEA9000, 0x0109F21000, 0x0000003088, 0x0000E00000, 0x0000003180, 0x0044444000,
    0x74675CC5C0, 0x23084211C0, 0x74422223E0, 0x744260C5C0, 0x11952F8840, 0xFC3C10C5C0, 0x3221E8C5C0, 0xF844442100,
    0x7462E8C5C0, 0x7462F08980, 0x0318063000, 0x0318061100, 0x1111041040, 0x003E0F8000, 0x4104111100, 0x7442220080,
    0x746F5B41E0, 0x7463F8C620, 0xF463E8C7C0, 0x74610845C0, 0xF46318C7C0, 0xFC21E843E0, 0xFC21E84200, 0x746178C5E0,
    0x8C63F8C620, 0x71084211C0, 0x3884214980, 0x8CA98A4A20, 0x84210843E0, 0x8EEB58C620, 0x8C7359C620, 0x746318C5C0,
    0xF463E84200, 0x74631AC9A0, 0xF463EA4A20, 0x7C20E087C0, 0xF908421080, 0x8C6318C5C0, 0x8C6318A880, 0x8C635AEE20,
    0x8C54454620, 0x8C54421080, 0xF8444443E0, 0x72108421C0, 0x0410410400, 0x70842109C0, 0x22A2000000, 0x000000001F,
    0x4100000000, 0x001C17C5E0, 0x843D18C7C0, 0x001D0845C0, 0x085F18C5E0, 0x001D1FC1C0, 0x3251C42100, 0x001F18BC2E,
    0x843D18C620, 0x20184211C0, 0x100C210A4C, 0x84254C5240, 0x61084211C0, 0x00355AD6A0, 0x003D18C620, 0x001D18C5C0,
    0x003D18FA10, 0x001F18BC21, 0x002D984200, 0x001F0707C0, 0x42388424C0, 0x002318CDA0, 0x002318A880, 0x00231AD540,
    0x0022A22A20, 0x002318BC2E, 0x003E2223E0, 0x1108821040, 0x2108421080, 0x4108221100, 0x0013590000};

/// Calls `draw(letter)` for each code point of UTF-8; those that there is no letter for are '?'.
template <class Draw>
void for_each_letter(std::string_view text, Draw&& draw) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) continue;  // a later byte of a code point
    draw(caption_letters.at(byte < ' ' || byte > '~' ? '?' - ' ' : byte - ' '));
  }
}
}  // namespace detail

NADA_INLINE int caption_width(std::string_view text, int scale) {
  int letters = 0;
  detail::for_each_letter(text, [&](std::uint64_t) { ++letters; });
  return letters == 0 ? 0 : (letters * caption_advance - 1) * scale;
}

NADA_INLINE void draw_caption(Picture& canvas, std::string_view text, int left, int top, int scale,
                              std::array<std::uint8_t, 3> colour) {
  require(scale >= 1, "a caption of scale ", scale, ", expected at least 1");
  const auto dot = make_canvas(scale, scale, colour);
  detail::for_each_letter(text, [&](std::uint64_t letter) {
    for (int y = 0; y < caption_height; ++y)
      for (int x = 0; x < 5; ++x)
        if ((letter >> static_cast<unsigned>(39 - 5 * y - x) & 1U) != 0)
          paste(canvas, dot, left + scale * x, top + scale * y);
    left += scale * caption_advance;
  });
}

}  // namespace nada
