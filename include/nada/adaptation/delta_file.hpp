/// Deltas as files, and generators from them.
#pragma once
#include <filesystem>
#include <optional>

#include "nada/adaptation/delta.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"

namespace nada {

/// Metadata that a delta's file has beyond `more` (prompts, options, `nada.base`: path of the base, relative to the
/// file).
void save_delta(const std::filesystem::path& path, const Delta& delta, Metadata more = {});

/// Where the deltas of a run come from: what each of its files says.
struct DeltaOrigin {
  Metadata metadata = {};           // prompts, options
  std::filesystem::path base = {};  // file of the source generator; deltas name it relative to themselves

  void save(const std::filesystem::path& path, const Delta& delta) const;
};

/// Errors:  another kind of file, leaves that are not finite.
Delta load_delta(const Safetensors& file);

/// A generator from a generator file, or from a delta and its base (`base`, else the path that the delta names,
/// relative to it).
StyleGan2 load_generator(const std::filesystem::path& path, Placement place = {},
                         const std::optional<std::filesystem::path>& base = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/delta_file.ipp"
#endif
