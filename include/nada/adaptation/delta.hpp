/// Deltas: what an adaptation changed, as a file beside its base.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/recognise.hpp"
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
inline void save_delta(const std::filesystem::path& path, const Delta& delta, Metadata more = {}) {
  more["nada.kind"] = "delta";
  more["nada.format"] = format_version;
  more["nada.base_sha256"] = delta.base_hash;
  more["nada.parameterization"] = delta.parameterization;
  save_tensors(path, delta.leaves, more);
}

inline Delta load_delta(const Safetensors& file) {
  require(is_delta(recognise(file)), file.path(), " is ", name_of(recognise(file)), ", expected a delta");
  Delta out{value_or(file.metadata(), "nada.base_sha256"), value_or(file.metadata(), "nada.parameterization"),
            to_tensors(file)};
  out.leaves.erase("preset.sample");
  require_finite(out.leaves, file.path().string());
  return out;
}

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
inline StyleGan2 load_generator(const std::filesystem::path& path, Placement place = {},
                                const std::optional<std::filesystem::path>& base = {}) {
  const auto model = ModelFile::open(path);
  if (!is_delta(model.kind())) {
    require(!base, path, " is ", name_of(model.kind()), ", expected a delta (a base was given for it)");
    return load_stylegan2(model, place);
  }
  const auto file = Safetensors::open(path);
  const auto named = value_or(file.metadata(), "nada.base");
  require(base || !named.empty(), path, ": the delta names no base; give it with --base");
  const auto base_path = base ? *base : path.parent_path() / named;
  require(std::filesystem::exists(base_path), path, ": its base ", base_path, " is not there; give it with --base");
  return apply_delta(load_stylegan2(base_path, place), load_delta(file), path.string());
}

}  // namespace nada
