/// Finds the slots of a layer by name.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string_view>

#include "nada/generators/generator.hpp"

namespace nada {

/// Returns the place of a slot in layer.slots; layer.slots.size() where the layer has no slot of that name.
inline std::size_t slot_of(const Layer& layer, std::string_view name) {
  return static_cast<std::size_t>(std::find(layer.slots.begin(), layer.slots.end(), name) - layer.slots.begin());
}
inline bool has_slot(const Layer& layer, std::string_view name) { return slot_of(layer, name) < layer.slots.size(); }

}  // namespace nada
