/// Reads and writes deltas, and reads generators from deltas.
#pragma once
#include <filesystem>
#include <optional>

#include "nada/adaptation/delta.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/load.hpp"

namespace nada {

/// Writes a delta. `more` is further metadata: prompts, options, and `nada.base`, the path of the
/// base relative to the delta's file.
void save_delta(const std::filesystem::path& path, const Delta& delta, Metadata more = {});

/// DeltaOrigin says where the deltas of a run come from; each delta file repeats it.
struct DeltaOrigin {
  Metadata metadata = {};           // prompts, options
  std::filesystem::path base = {};  // file of the source generator; a delta names this path relative to its own file

  void save(const std::filesystem::path& path, const Delta& delta) const;
};

/// Reads a delta.
/// Errors:  another kind of file; leaves that are not finite.
Delta load_delta(const Safetensors& file);

/// Reads a generator from a generator file, or from a delta and its base. The base is `base`, else the path that the
/// delta names, relative to the delta's file.
/// Errors:  another kind of file; a base that is missing or does not belong to the delta.
AnyGenerator load_generator(const std::filesystem::path& path, Placement place = {},
                            const std::optional<std::filesystem::path>& base = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/delta_file.ipp"
#endif
