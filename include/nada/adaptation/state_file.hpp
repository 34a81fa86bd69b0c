/// Reads and writes states of adaptations.
#pragma once
#include <filesystem>

#include "nada/adaptation/state.hpp"

namespace nada {

/// Writes a state: tensors `leaf.`, `mean.`, `first.`, `second.`, `moment.<name>.` of other moments and `anchor.` with the
/// leaf's name, and `selector.` with the name that the selector gives; lists of int64 of the selector and all other parts stand in the metadata.
/// Errors:  a tensor of a type that files do not hold (complex numbers).
void save_state(const std::filesystem::path& path, const AdaptationState& state);

/// Reads a state.
/// Errors:  another kind of file; a damaged file.
AdaptationState load_state(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/state_file.ipp"
#endif
