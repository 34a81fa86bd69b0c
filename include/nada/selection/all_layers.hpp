/// Every convolution trains.
#pragma once
#include "nada/core/error.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// AllLayers chooses all candidates that are convolutions, with their affines and biases. Mapping, constant and ToRGB
/// layers stay as they are, as in the official training; NamedLayers chooses those by name. The selector suits changes
/// of shape: animals, other species.
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 4.2 (which layers stay).
struct AllLayers {
  LayerSet select(const Probe& probe) const {
    LayerSet chosen;
    for (const auto i : probe.candidates)
      if (probe.layers[i].kind == LayerKind::convolution) chosen.push_back(i);
    require(!chosen.empty(), "AllLayers: no convolution can train");
    return chosen;
  }
};

}  // namespace nada
