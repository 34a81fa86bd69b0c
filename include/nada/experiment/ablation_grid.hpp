/// Grids of what the cells of an ablation made.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nada/experiment/ablation_plan.hpp"
#include "nada/formats/picture.hpp"

namespace nada {

/// Block is a part of a captioned grid: rows of pictures of one size, under one title.
struct Block {
  std::string title;
  std::vector<std::vector<Picture>> rows;
};

/// Puts blocks beside each other, each under its title, with the names of the rows at the left. All pictures have one
/// size, all blocks a row for each name. Small pictures are enlarged by a whole factor until a side has `least` pixels.
/// Errors:  no block or picture, blocks of other rows, pictures of several sizes.
Picture captioned_grid(const std::vector<std::string>& row_names, const std::vector<Block>& blocks, int least = 64);

/// Writes grids of the first seed into the folder of a plan whose cells are all there: `grid.png`, a row a variant under
/// the source's, a few samples of each target; and with several targets `grid.<target>.png` of each, with all samples of
/// the cells' pictures. Returns their paths.
/// Errors:  a picture of a cell that is missing or damaged.
std::vector<std::filesystem::path> write_grids(const AblationPlan& plan);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_grid.ipp"
#endif
