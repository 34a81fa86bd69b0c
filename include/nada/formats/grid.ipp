// Bodies of grid.hpp.
#pragma once
#include "nada/formats/grid.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/canvas.hpp"

namespace nada {

NADA_INLINE std::vector<Picture> to_pictures(const Tensor& images) {
  require(images.dim() == 4 && images.size(1) == 3, "images of shape ", shape_text(images.sizes()),
          ", expected [N, 3, H, W]");
  const auto bytes = ((images.detach().to(torch::kCPU, torch::kFloat32).clamp(-1, 1) + 1) * 127.5)
                         .round()
                         .to(torch::kUInt8)
                         .permute({0, 2, 3, 1})
                         .contiguous();
  const auto size = static_cast<std::size_t>(bytes.size(1) * bytes.size(2) * 3);
  std::vector<Picture> out(static_cast<std::size_t>(images.size(0)));
  for (std::size_t n = 0; n < out.size(); ++n) {
    out[n].width = static_cast<int>(bytes.size(2));
    out[n].height = static_cast<int>(bytes.size(1));
    const auto* first = bytes.data_ptr<std::uint8_t>() + n * size;
    out[n].pixels.assign(first, first + size);
  }
  return out;
}

NADA_INLINE Tensor to_images(const std::vector<Picture>& pictures) {
  require(!pictures.empty(), "no pictures to make images of");
  std::vector<Tensor> out;
  for (const auto& picture : pictures) {
    detail::check_picture(picture, "use");
    require(picture.width == pictures.front().width && picture.height == pictures.front().height,
            "pictures of one size are needed, found ", picture.width, "x", picture.height, " beside ",
            pictures.front().width, "x", pictures.front().height);
    const auto bytes = torch::empty({picture.height, picture.width, 3}, torch::kUInt8);
    std::copy(picture.pixels.begin(), picture.pixels.end(), bytes.data_ptr<std::uint8_t>());
    out.push_back(bytes.permute({2, 0, 1}).to(torch::kFloat32) / 127.5 - 1);
  }
  return at::stack(out);
}

NADA_INLINE Picture make_grid(const std::vector<std::vector<Picture>>& rows, int least) {
  require(!rows.empty() && !rows.front().empty(), "a grid needs a picture");
  const int width = rows.front().front().width, height = rows.front().front().height;
  std::size_t columns = 0;
  for (const auto& row : rows) columns = std::max(columns, row.size());
  auto canvas = make_canvas(static_cast<int>(columns) * width, static_cast<int>(rows.size()) * height);
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      require(rows[r][c].width == width && rows[r][c].height == height, "the pictures of a grid must have one size");
      paste(canvas, rows[r][c], static_cast<int>(c) * width, static_cast<int>(r) * height);
    }
  return enlarge(canvas, std::max(1, (least + width - 1) / width));
}

}  // namespace nada
