/// The mapping network that StyleGAN2 and StyleGAN3 share.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/tensor_reader.hpp"

namespace nada {

/// Mapping gives a mapping network's sizes: latents Z, classes C (0: none).
struct Mapping {
  std::int64_t latent_size = 0, label_size = 0;
  double lr = 0.01;  // multiplier of the learning rate
};

/// MappingLayers are a mapping network as layers with their slots: `embed` where there are classes, then `mapping.0`, ...
struct MappingLayers {
  Mapping sizes;
  std::vector<Layer> layers;
  std::vector<std::vector<Tensor>> slots;  // as layers
};

/// Takes `embed.*` and `mapping.K.*` of a network that ends in styles of `style_size` numbers.
/// Errors:  a tensor that is missing or of another shape; no layers.
MappingLayers read_mapping(TensorReader& reader, std::int64_t style_size, double lr);

/// Maps latents z [N, Z] and labels [N, C] or [1, C] (one-hot; undefined unless there are classes) to styles w [N, D];
/// `slots` are those of MappingLayers.
///     x = z / rms(z), with classes beside embed(label) / rms(embed(label)); then dense layers with leaky ReLU
/// Errors:  other shapes; labels that are missing, or that the network has no classes for.
Tensor map_latents(const Tensor& z, const Tensor& labels, const Mapping& sizes,
                   std::span<const std::vector<Tensor>> slots);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/mapping.ipp"
#endif
