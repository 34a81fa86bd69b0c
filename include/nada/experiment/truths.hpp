/// Known truths: what each sample of a generator should have become.
#pragma once
#include <cstdint>
#include <filesystem>

#include "nada/core/tensor.hpp"
#include "nada/generators/any_generator.hpp"

namespace nada {

/// Reads truths, [N, 3, side, side] in [-1, 1]: those of a folder, 000000.png of the first sample and so on, or the tiles
/// of one file, row by row.
/// Errors:  a truth that is missing or has another size; a file more; fewer than 2 truths.
Tensor read_truths(const std::filesystem::path& path, int side);

/// Reads w+ codes of several pictures, [N, L, D] on the generator's device: those of a file of `invert`, or of a folder
/// of such files (NAME.safetensors, NAME/codes.safetensors), by name.
/// Errors:  a folder without codes; codes that do not fit the generator, or that need noise maps of their own.
Tensor read_codes(const std::filesystem::path& path, const AnyGenerator& generator);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/truths.ipp"
#endif
