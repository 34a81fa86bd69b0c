/// Squares cut out of images, for terms that compare parts of images.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Draws the centres (x, y) of squares of `size` pixels, uniformly among the places where the square lies inside an
/// image of [height, width]: `per_image` centres for each of `images`, [images * per_image, 2] int64, image by image.
/// Errors:  a square that is larger than the image.
inline Tensor draw_patch_centers(const Stream& stream, std::int64_t images, std::int64_t per_image, std::int64_t height,
                                 std::int64_t width, std::int64_t size) {
  require(size >= 2 && size % 2 == 0, "patches of ", size, " pixels: expected an even number from 2 on");
  require(per_image >= 1, "patches: expected at least one an image, found ", per_image);
  require(size <= height && size <= width, "patches of ", size, " pixels do not fit into images of ", width, "x",
          height, " pixels");
  const auto u = stream.uniform(Purpose::crops, {images, per_image, 2}).view({-1, 2});
  const auto room = torch::tensor({width - size + 1, height - size + 1}, torch::kFloat32);
  return (u * room).floor().to(torch::kInt64) + size / 2;
}

/// Cuts squares around the centres [N p, 2] (x, y): rows y - size / 2 to y + size / 2 - 1, columns alike.
///     images [N, 3, H, W] -> [N p, 3, size, size]
/// Errors:  a square that is not inside its image; a number of centres that is no multiple of the number of images.
inline Tensor cut_patches(const Tensor& images, const Tensor& centers, std::int64_t size) {
  const auto n = images.size(0), count = centers.size(0);
  require(count > 0 && count % n == 0, "patches: ", count, " centres for ", n, " images");
  const auto places = centers.to(torch::kCPU, torch::kInt64).contiguous();
  const auto* at = places.data_ptr<std::int64_t>();
  std::vector<Tensor> out;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto left = at[2 * i] - size / 2, top = at[2 * i + 1] - size / 2;
    require(left >= 0 && top >= 0 && left + size <= images.size(3) && top + size <= images.size(2), "a patch of ", size,
            " pixels around (", at[2 * i], ", ", at[2 * i + 1], ") is not inside an image of ", images.size(3), "x",
            images.size(2), " pixels");
    out.push_back(images.select(0, i / (count / n)).narrow(1, top, size).narrow(2, left, size));
  }
  return torch::stack(out);
}

/// Returns templates of the parts of a face, to be filled with a class. The official code has a list for
/// animals as well (paws, fangs, fur).
inline std::vector<std::string> face_part_templates() {
  return {"the face of a {}", "the eyes of a {}", "the nose of a {}",       "the mouth of a {}",
          "the hair of a {}", "the skin of a {}", "the background of a {}", "the clothes of a {}"};
}

}  // namespace nada
