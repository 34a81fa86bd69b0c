// Bodies of delta_file.hpp.
#pragma once
#include "nada/adaptation/delta_file.hpp"

#include <string>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/hub.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/open_generator.hpp"

namespace nada {

NADA_INLINE void save_delta(const std::filesystem::path& path, const Delta& delta, Metadata more) {
  more["nada.kind"] = "delta";
  more["nada.format"] = format_version;
  more["nada.base_sha256"] = delta.base_hash;
  more["nada.parameterization"] = delta.parameterization;
  if (!delta.folded_from.empty()) more["nada.folded_from"] = delta.folded_from;
  save_tensors(path, delta.leaves, more);
}

NADA_INLINE void DeltaOrigin::save(const std::filesystem::path& path, const Delta& delta) const {
  auto more = metadata;
  if (!base.empty()) more["nada.base"] = relative_to(base, path.parent_path()).string();
  save_delta(path, delta, std::move(more));
}

NADA_INLINE Delta load_delta(const Safetensors& file) {
  require(is_delta(recognise(file)), file.path(), " is ", name_of(recognise(file)), ", expected a delta");
  Delta out{value_or(file.metadata(), "nada.base_sha256"), value_or(file.metadata(), "nada.parameterization"),
            to_tensors(file), value_or(file.metadata(), "nada.folded_from")};
  out.leaves.erase("preset.sample");
  require_finite(out.leaves, file.path().string());
  return out;
}

NADA_INLINE AnyGenerator load_generator(const std::filesystem::path& path, Placement place,
                                        const std::optional<std::filesystem::path>& base) {
  const auto model = ModelFile::open(path);
  if (!is_delta(model.kind())) {
    require(!base, path, " is ", name_of(model.kind()), ", expected a delta (a base was given for it)");
    return open_generator(model, place);
  }
  const auto file = Safetensors::open(model.path());
  const auto named = value_or(file.metadata(), "nada.base");
  require(base || !named.empty(), path, ": the delta names no base; give it with --base");
  const auto base_path = base ? *base : named_beside(model.path(), named);
  require(is_hub_address(base_path) || std::filesystem::exists(base_path), path, ": its base ", base_path,
          " is not there; give it with --base");
  return apply_delta(open_generator(base_path, place), load_delta(file), path.string());
}

}  // namespace nada
