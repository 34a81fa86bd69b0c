/// The hash by which a delta knows its base.
#pragma once
#include <cstddef>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// Returns the SHA-256 of the tensors that a generator computes with: its own `content_hash()` where it has one
/// (StyleGan2 does), else the hash over `<layer>.<slot>` and the mean style. Neither the device of a tensor nor the
/// file that it came from matters.
template <Generator G>
std::string base_hash(const G& generator) {
  if constexpr (requires { generator.content_hash(); }) {
    return generator.content_hash();
  } else {
    TensorMap tensors{{"mean_style", generator.mean_style()}};
    for (std::size_t k = 0; k < generator.layers().size(); ++k)
      for (std::size_t s = 0; s < generator.layers()[k].slots.size(); ++s)
        tensors[generator.layers()[k].name + "." + generator.layers()[k].slots[s]] = generator.slot(k, s);
    return content_hash(tensors);
  }
}

}  // namespace nada
