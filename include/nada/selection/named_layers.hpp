/// The layers that are named train.
#pragma once
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// Layers by name ("conv.16.0", "rgb.64", "mapping.3", "const") or by kind ("mapping", "constant", "convolution",
/// "rgb"). Errors: a name that is none, listing the layers; one that is no candidate (above the exit).
struct NamedLayers {
  std::vector<std::string> names;

  LayerSet select(const Probe& probe) const {
    std::set<std::size_t> chosen;
    for (const auto& name : names) {
      bool kind = false;
      for (const auto i : probe.candidates)
        if (name_of(probe.layers[i].kind) == name) chosen.insert(i), kind = true;
      if (kind) continue;
      const auto i = find_layer(probe.layers, name);
      require(std::find(probe.candidates.begin(), probe.candidates.end(), i) != probe.candidates.end(), "layer ", name,
              " cannot train here: it lies above the exit, or the parameterization does not cover it");
      chosen.insert(i);
    }
    require(!chosen.empty(), "NamedLayers: no layer was named");
    return {chosen.begin(), chosen.end()};
  }
};

}  // namespace nada
