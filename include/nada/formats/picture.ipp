// Bodies of picture.hpp.
#pragma once
#include "nada/formats/picture.hpp"

#include <limits>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::detail {

NADA_INLINE void check_picture(const Picture& picture, std::string_view verb) {
  require(picture.width >= 1 && picture.height >= 1 &&
              picture.pixels.size() / 3 / static_cast<std::size_t>(picture.width) ==
                  static_cast<std::size_t>(picture.height) &&
              picture.pixels.size() ==
                  std::size_t{3} * static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height),
          "cannot ", verb, " a picture of ", picture.width, "x", picture.height, " pixels that has ",
          picture.pixels.size(), " bytes");
}

NADA_INLINE void check_limits(std::string_view what, std::int64_t width, std::int64_t height, PictureLimits limits) {
  require(width > 0 && height > 0, what, ": the picture has no pixels (", width, "x", height, ")");
  require(width <= std::numeric_limits<int>::max() && height <= limits.pixels / width, what, ": the picture is ", width,
          "x", height, " pixels, expected at most ", limits.pixels, " in all");
}

}  // namespace nada::detail
