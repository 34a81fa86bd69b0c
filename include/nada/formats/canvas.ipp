// Bodies of canvas.hpp.
#pragma once
#include "nada/formats/canvas.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Picture make_canvas(int width, int height, std::array<std::uint8_t, 3> colour) {
  require(width >= 1 && height >= 1 && height <= std::numeric_limits<int>::max() / 3 / width,
          "cannot make a picture of ", width, "x", height, " pixels");
  Picture canvas{width, height, {}, {}};
  canvas.pixels.resize(std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (std::size_t i = 0; i < canvas.pixels.size(); ++i) canvas.pixels[i] = colour[i % 3];
  return canvas;
}

NADA_INLINE void paste(Picture& canvas, const Picture& tile, int left, int top) {
  detail::check_picture(canvas, "paste on");
  detail::check_picture(tile, "paste");
  const auto from_x = std::max<std::int64_t>(0, -std::int64_t{left});
  const auto to_x = std::min<std::int64_t>(tile.width, std::int64_t{canvas.width} - left);
  const auto from_y = std::max<std::int64_t>(0, -std::int64_t{top});
  const auto to_y = std::min<std::int64_t>(tile.height, std::int64_t{canvas.height} - top);
  if (from_x >= to_x) return;
  for (auto y = from_y; y < to_y; ++y)
    std::copy_n(tile.pixels.begin() + 3 * (y * tile.width + from_x), 3 * (to_x - from_x),
                canvas.pixels.begin() + 3 * ((y + top) * canvas.width + from_x + left));
}

NADA_INLINE Picture enlarge(const Picture& picture, int factor) {
  detail::check_picture(picture, "enlarge");
  constexpr int most = std::numeric_limits<int>::max();
  require(factor >= 1 && factor <= most / picture.width && factor <= most / picture.height,
          "cannot enlarge a picture of ", picture.width, "x", picture.height, " pixels by ", factor);
  auto large = make_canvas(picture.width * factor, picture.height * factor);
  large.text = picture.text;
  auto* out = large.pixels.data();
  for (int y = 0; y < large.height; ++y)
    for (int x = 0; x < large.width; ++x, out += 3)
      std::copy_n(picture.pixels.begin() + 3 * (std::ptrdiff_t{y / factor} * picture.width + x / factor), 3, out);
  return large;
}

}  // namespace nada
