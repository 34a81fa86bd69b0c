// Bodies of ablation_grid.hpp.
#pragma once
#include "nada/experiment/ablation_grid.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/experiment/ablation_cell.hpp"
#include "nada/formats/canvas.hpp"
#include "nada/formats/caption.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/picture_set.hpp"

namespace nada {

NADA_INLINE Picture captioned_grid(const std::vector<std::string>& row_names, const std::vector<Block>& blocks,
                                   int least) {
  constexpr int margin = 4, scale = 2, line = caption_height * scale + margin;
  require(!row_names.empty() && !blocks.empty(), "a grid needs a picture");
  std::vector<Picture> parts;
  int left = 0;
  for (const auto& name : row_names) left = std::max(left, caption_width(name, scale) + 2 * margin);
  int width = left, height = 0;
  for (const auto& block : blocks) {
    require(block.rows.size() == row_names.size(), "a grid of ", row_names.size(), " rows, but ", block.title, " has ",
            block.rows.size());
    parts.push_back(make_grid(block.rows, least));
    require(parts.back().height == parts.front().height, "the pictures of a grid must have one size");
    width += std::max(parts.back().width, caption_width(block.title, scale)) + margin;
    height = parts.back().height + line + margin;
  }
  auto canvas = make_canvas(width, height);
  const int tile = parts.front().height / static_cast<int>(row_names.size());
  for (std::size_t r = 0; r < row_names.size(); ++r)
    draw_caption(canvas, row_names[r], margin,
                 line + margin + static_cast<int>(r) * tile + (tile - caption_height * scale) / 2, scale);
  int at = left;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    draw_caption(canvas, blocks[b].title, at, margin, scale);
    paste(canvas, parts[b], at, line + margin);
    at += std::max(parts[b].width, caption_width(blocks[b].title, scale)) + margin;
  }
  return canvas;
}

namespace detail {
/// The block of a target: the source's samples, then a row a variant of the target's first seed.
NADA_INLINE Block block_of(const AblationPlan& plan, std::size_t target, const std::vector<Picture>& source) {
  const auto variants = plan.variants().size();
  const auto first = static_cast<std::int64_t>(target * variants) * plan.options().seeds;
  Block out{plan.target(first).name, {source}};
  const int width = source.front().width, height = source.front().height;
  for (std::int64_t v = 0; v < static_cast<std::int64_t>(variants); ++v) {
    const auto sheet = read_picture(plan.picture(first + v));
    auto& row = out.rows.emplace_back(cut_tiles(sheet, sheet.height, "a cell's picture"));
    for (auto& tile : row)
      if (tile.width != width) tile = resize(tile, width, height);  // of a stepper with another size
  }
  return out;
}
}  // namespace detail

NADA_INLINE std::vector<std::filesystem::path> write_grids(const AblationPlan& plan) {
  const auto generator = load_generator(plan.options().generator);
  const torch::NoGradGuard no_grad;
  const auto z = Stream{1, 0}.normal(Purpose::evaluation, {samples_of_picture, generator.latent_size()});
  const auto source = to_pictures(generator.synthesize(generator.map(z)));
  std::vector<std::string> names{"source"};
  names.insert(names.end(), plan.labels().begin(), plan.labels().end());
  std::vector<Block> blocks;
  for (std::size_t t = 0; t < plan.targets().size(); ++t) blocks.push_back(detail::block_of(plan, t, source));

  const auto& folder = plan.options().out;
  std::vector<std::filesystem::path> out{folder / "grid.png"};
  if (blocks.size() > 1) {
    for (const auto& block : blocks) {
      out.push_back(folder / join("grid.", block.title, ".png"));
      write_picture(out.back(), captioned_grid(names, {block}));
    }
    const std::size_t few = std::max<std::size_t>(2, static_cast<std::size_t>(samples_of_picture) / blocks.size());
    for (auto& block : blocks)
      for (auto& row : block.rows) row.resize(std::min(row.size(), few));
  }
  write_picture(out.front(), captioned_grid(names, blocks));
  return out;
}

}  // namespace nada
