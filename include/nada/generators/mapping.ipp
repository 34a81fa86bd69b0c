// Bodies of mapping.hpp.
#pragma once
#include "nada/generators/mapping.hpp"

#include <cstddef>
#include <string>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/generators/stylegan2_ops.hpp"

namespace nada {

NADA_INLINE MappingLayers read_mapping(TensorReader& reader, std::int64_t style_size, double lr) {
  const auto& what = reader.what;
  MappingLayers out;
  out.sizes.lr = lr;
  const auto add = [&](const std::string& name, const Tensor& weight) {
    out.layers.push_back({name, LayerKind::mapping, 0, -1, {"weight", "bias"}});
    out.slots.push_back({weight, reader.take(name + ".bias", {weight.size(0)})});
  };
  std::int64_t width = -1, embedded = 0;  // of the latents, then of each layer's input; of an embedded label
  if (reader.has("embed.weight")) {
    const auto weight = reader.take("embed.weight", {-1, -1});
    embedded = weight.size(0);
    out.sizes.label_size = weight.size(1);
    add("embed", weight);
  }
  const auto first = out.layers.size();
  for (int k = 0; reader.has(join("mapping.", k, ".weight")); ++k) {
    const std::string name = join("mapping.", k);
    const auto weight = reader.take(name + ".weight", {-1, width});
    if (k == 0) out.sizes.latent_size = weight.size(1) - embedded;
    width = weight.size(0);
    add(name, weight);
  }
  require(out.layers.size() > first, what, ": no mapping network (expected a tensor ", reader.shown("mapping.0.weight"),
          ")");
  require(out.sizes.latent_size > 0, what, ": ", reader.shown("mapping.0.weight"),
          " leaves no room for latents beside embedded labels");
  require(width == style_size, what, ": the mapping network gives styles of ", width, " numbers, ",
          reader.shown("mean_style"), " has ", style_size);
  return out;
}

NADA_INLINE Tensor map_latents(const Tensor& z, const Tensor& labels, const Mapping& sizes,
                               std::span<const std::vector<Tensor>> slots) {
  require(labels.defined() || sizes.label_size == 0, "this generator is class-conditional: say which of its ",
          sizes.label_size, " classes with --class");
  require(!labels.defined() || sizes.label_size > 0, "this generator is not class-conditional, but a class was given");
  require(z.dim() == 2 && z.size(1) == sizes.latent_size, "latents of shape ", shape_text(z.sizes()), ", expected [N, ",
          sizes.latent_size, "]");
  const auto options = slots.front().front().options();
  auto x = stylegan2::normalize_latents(z.to(options));
  if (labels.defined()) {
    require(
        labels.dim() == 2 && labels.size(1) == sizes.label_size && (labels.size(0) == 1 || labels.size(0) == z.size(0)),
        "labels of shape ", shape_text(labels.sizes()), ", expected [N, ", sizes.label_size, "]");
    const auto embedded = stylegan2::dense(labels.to(options), slots[0][0], slots[0][1]);
    x = torch::cat({x, stylegan2::normalize_latents(embedded).expand({x.size(0), -1})}, 1);
  }
  for (std::size_t k = sizes.label_size > 0 ? 1 : 0; k < slots.size(); ++k)
    x = stylegan2::activate(stylegan2::dense(x, slots[k][0], slots[k][1], sizes.lr));
  return x;
}

}  // namespace nada
