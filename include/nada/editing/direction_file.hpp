/// Reads and writes directions of edits.
#pragma once
#include <filesystem>

#include "nada/editing/direction.hpp"

namespace nada {

/// Writes a direction: the tensor `direction`, or `offset.<layer>` in style space, with its words in the metadata.
/// Errors:  as save_tensors().
void save_direction(const std::filesystem::path& path, const Direction& direction);

/// Reads a direction, told by its content:
///   - a file of save_direction();
///   - an array of numpy.save, such as the boundaries of InterFaceGAN, [1, D];
///   - a file of torch.save that holds one tensor, such as the directions of e4e, [1, D] or [L, D].
/// A direction of other programs is taken at its own length; its name is that of the file. [D] and [1, D] are in W, [L, D]
/// and [1, L, D] in W+. No code of a file runs.
/// Errors:  another kind of file; several tensors or none; another shape; numbers that are not finite, or are all 0.
Direction load_direction(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/editing/direction_file.ipp"
#endif
