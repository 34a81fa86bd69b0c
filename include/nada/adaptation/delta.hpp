/// Deltas: what an adaptation changed, as a file beside its base.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/parameterization/by_name.hpp"
#include "nada/parameterization/compressed.hpp"

namespace nada {

/// Leaves of an adapted generator by `<layer>.<leaf>`, and what they belong to.
struct Delta {
  std::string base_hash;         // base_hash() of the generator that they change
  std::string parameterization;  // name of the one that made them
  TensorMap leaves;
};

/// Metadata that a delta's file has beyond `more` (prompts, options, `nada.base`: path of the base, relative to the
/// file).
void save_delta(const std::filesystem::path& path, const Delta& delta, Metadata more = {});

Delta load_delta(const Safetensors& file);

/// SHA-256 that a delta keeps of a base that is no StyleGan2: over `<layer>.<slot>` and the mean style.
template <Generator G>
std::string base_hash(const G& generator) {
  TensorMap tensors{{"mean_style", generator.mean_style()}};
  for (std::size_t k = 0; k < generator.layers().size(); ++k)
    for (std::size_t s = 0; s < generator.layers()[k].slots.size(); ++s)
      tensors[generator.layers()[k].name + "." + generator.layers()[k].slots[s]] = generator.slot(k, s);
  return content_hash(tensors);
}

/// Folds a delta into its base.
/// Errors: another base, a parameterization that is not known here, leaves that do not fit.
template <Generator G>
G apply_delta(const G& base, const Delta& delta, const std::string& what) {
  const auto hash = base_hash(base);
  require(delta.base_hash == hash, what, " belongs to another base: it was made from the generator with SHA-256 ",
          delta.base_hash.substr(0, 12), "..., this one has ", hash.substr(0, 12), "...");
  if (delta.parameterization == Compressed::name) return decompress(base, delta.leaves, what);
  auto out = base.clone();
  std::set<std::string> used;
  with_parameterization(delta.parameterization, what, [&](const auto& parameterization) {
    for (std::size_t k = 0; k < base.layers().size(); ++k) {
      const auto& layer = base.layers()[k];
      const auto names = parameterization.names(layer);
      std::vector<Tensor> slots, leaves;
      for (std::size_t s = 0; s < layer.slots.size(); ++s) slots.push_back(base.slot(k, s));
      for (const auto& name : names)
        if (const auto leaf = delta.leaves.find(layer.name + "." + name); leaf != delta.leaves.end()) {
          leaves.push_back(leaf->second.to(slots.front().options()));
          used.insert(leaf->first);
        }
      if (leaves.empty()) continue;
      require(leaves.size() == names.size(), what, ": layer ", layer.name, " has ", leaves.size(), " leaves, expected ",
              names.size());
      std::vector<Tensor> effective;
      try {
        effective = parameterization.effective(layer, slots, leaves);
      } catch (const c10::Error&) {
        fail(what, ": the leaves of ", layer.name, " do not fit the base");
      }
      for (std::size_t s = 0; s < effective.size(); ++s) {
        require(effective[s].sizes() == slots[s].sizes(), what, ": ", layer.name, ".", layer.slots[s], " has shape ",
                shape_text(effective[s].sizes()), ", the base has ", shape_text(slots[s].sizes()));
        out.use(k, s, effective[s]);
      }
    }
  });
  for (const auto& [name, value] : delta.leaves)
    require(used.count(name) > 0, what, ": the base has no place for ", name);
  return out;
}

/// A generator from a generator file, or from a delta and its base (`base`, else the path that the delta names,
/// relative to it).
StyleGan2 load_generator(const std::filesystem::path& path, Placement place = {},
                         const std::optional<std::filesystem::path>& base = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/delta.ipp"
#endif
