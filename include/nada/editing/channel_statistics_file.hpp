/// Reads and writes channel statistics.
#pragma once
#include <filesystem>

#include "nada/editing/channel_statistics.hpp"

namespace nada {

/// Writes channel statistics: `<layer>.mean`, `<layer>.deviation` and `<layer>.step.<encoder>` of each measured layer, with
/// the settings in the metadata, so that a file of some layers can be completed.
/// Errors:  as save_tensors().
void save_channel_statistics(const std::filesystem::path& path, const ChannelStatistics& statistics);

/// Reads channel statistics.
/// Errors:  another kind of file; settings that are missing or out of range; tensors that are missing, of another shape or not
///          finite.
ChannelStatistics load_channel_statistics(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/editing/channel_statistics_file.ipp"
#endif
