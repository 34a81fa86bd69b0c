/// Deltas: the change that an adaptation made to its base.
#pragma once
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/parameterization/compressed.hpp"

namespace nada {

/// Delta holds the leaves of an adapted generator by `<layer>.<leaf>`, and says which base they change.
/// adaptation/delta_file.hpp reads and writes deltas.
struct Delta {
  std::string base_hash;         // base_hash() of the generator that the leaves change
  std::string parameterization;  // name of the parameterization that made the leaves
  TensorMap leaves;
  std::string folded_from = {};  // name of the parameterization that was folded into these leaves, or empty
};

/// Returns the effective tensors of one layer.
/// Errors:  leaves of another number or shape than the base's, naming `what`.
template <Parameterization P>
std::vector<Tensor> fold(const P& parameterization, const Layer& layer, const std::vector<Tensor>& base,
                         const std::vector<Tensor>& leaves, const std::string& what) {
  std::vector<Tensor> out;
  try {
    out = parameterization.effective(layer, base, leaves);
  } catch (const c10::Error&) {
    fail(what, ": the leaves of ", layer.name, " do not fit the base");
  }
  for (std::size_t s = 0; s < out.size(); ++s)
    require(out[s].sizes() == base[s].sizes(), what, ": ", layer.name, ".", layer.slots[s], " has shape ",
            shape_text(out[s].sizes()), ", the base has ", shape_text(base[s].sizes()));
  return out;
}

/// Folds a delta into its base.
/// Errors:  another base; an unknown parameterization; leaves that do not fit.
template <Generator G>
G apply_delta(const G& base, const Delta& delta, const std::string& what) {
  const auto hash = base_hash(base);
  require(delta.base_hash == hash, what, " belongs to another base: it was made from the generator with SHA-256 ",
          delta.base_hash.substr(0, 12), "..., this one has ", hash.substr(0, 12), "...");
  if (delta.parameterization == Compressed::name) return decompress(base, delta.leaves, what);
  const auto parameterization = AnyParameterization::named(delta.parameterization, what);
  auto out = base.clone();
  std::set<std::string> used;
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
    const auto effective = fold(parameterization, layer, slots, leaves, what);
    for (std::size_t s = 0; s < effective.size(); ++s) out.use(k, s, effective[s]);
  }
  for (const auto& [name, value] : delta.leaves)
    require(used.count(name) > 0, what, ": the base has no place for ", name);
  return out;
}

}  // namespace nada
