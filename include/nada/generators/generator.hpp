/// Generators: what a generator must offer, and the words for its parts.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

enum class LayerKind { mapping, constant, convolution, rgb };

/// Returns the word for a kind in tables and messages.
constexpr std::string_view name_of(LayerKind kind) {
  switch (kind) {
    case LayerKind::mapping:
      return "mapping";
    case LayerKind::constant:
      return "constant";
    case LayerKind::convolution:
      return "convolution";
    case LayerKind::rgb:
      return "rgb";
  }
  return "?";
}

/// Layer is a piece of a generator that is chosen as a whole: a name, a place, and named tensors ("slots").
struct Layer {
  std::string name;  // "conv.64.0", "rgb.64", "mapping.3", "const"
  LayerKind kind;    // what the layer does
  int resolution;    // pixels of the output; 0 for mapping
  int style;         // index l into w+ [N, L, D]; -1: reads none; a convolution and an rgb may share a style
  std::vector<std::string> slots;  // "weight", "bias", "noise_strength", "affine.weight", "affine.bias"
};

/// Noise says which noise inputs are used: none, the file's maps (a generator without maps adds none), or fresh
/// normal numbers for each sample.
enum class Noise { none, stored, fresh };

/// Render says how to render.
struct Render {
  int resolution = 0;             // 0: full; else the skip sum up to this size (an error where there is no such exit)
  Noise noise = Noise::stored;    // which noise inputs are used
  Stream stream = {};             // read for Noise::fresh only; sub = layer
  std::int64_t first_sample = 0;  // of this piece in the stream, where a batch is rendered in pieces
  std::optional<torch::ScalarType> convolutions = {};  // type that convolutions compute in; none: the weights' type
};

/// Generator: maps latents z [N, Z] to styles w+ [N, L, D], and styles to images [N, 3, H, W], nominally in [-1, 1].
/// The slots of its layers may be replaced by tensors that carry a graph. Smallest model: tests/support/tiny.hpp; the
/// real one: generators/stylegan2.hpp.
template <class G>
concept Generator = requires(G& g, const G& c, Tensor t, Render render, std::size_t i) {
  { c.layers() } -> std::convertible_to<std::span<const Layer>>;
  { c.latent_size() } -> std::convertible_to<std::int64_t>;  // Z
  { c.style_count() } -> std::convertible_to<std::int64_t>;  // L
  { c.resolution() } -> std::convertible_to<int>;            // H = W
  { c.map(t, /*labels=*/t) } -> std::same_as<Tensor>;        // z [N, Z], labels [N, C] or undefined -> w+ [N, L, D]
  { c.mean_style() } -> std::same_as<Tensor>;                // [D]
  { c.synthesize(t, render) } -> std::same_as<Tensor>;       // w+ -> images
  { c.slot(i, i) } -> std::convertible_to<const Tensor&>;    // (layer, slot): the effective tensor
  g.use(i, i, t);                                            // replaces the effective tensor; may carry a graph
  { c.clone() } -> std::same_as<G>;                          // a deep copy of the effective tensors, detached
};

template <class G>
consteval bool explain_generator() {
  static_assert(
      requires(const G& g) {
        { g.layers() } -> std::convertible_to<std::span<const Layer>>;
      },
      "Generator: add `std::span<const nada::Layer> layers() const` (docs/policies.md#generators)");
  static_assert(
      requires(const G& g, Tensor t) {
        { g.map(t, t) } -> std::same_as<Tensor>;
      },
      "Generator: add `torch::Tensor map(torch::Tensor z, torch::Tensor labels) const` (docs/policies.md#generators)");
  static_assert(
      requires(const G& g, Tensor t, Render r) {
        { g.synthesize(t, r) } -> std::same_as<Tensor>;
      },
      "Generator: add `torch::Tensor synthesize(torch::Tensor styles, nada::Render) const` "
      "(docs/policies.md#generators)");
  static_assert(
      requires(G & g, const G& c, std::size_t i, Tensor t) {
        { c.slot(i, i) } -> std::convertible_to<const Tensor&>;
        g.use(i, i, t);
      },
      "Generator: add `const torch::Tensor& slot(layer, slot) const` and `void use(layer, slot, torch::Tensor)` "
      "(docs/policies.md#generators)");
  static_assert(
      requires(const G& g) {
        { g.clone() } -> std::same_as<G>;
      },
      "Generator: add `G clone() const`, deep and detached (docs/policies.md#generators)");
  static_assert(
      requires(const G& g) {
        { g.latent_size() } -> std::convertible_to<std::int64_t>;
        { g.style_count() } -> std::convertible_to<std::int64_t>;
        { g.resolution() } -> std::convertible_to<int>;
        { g.mean_style() } -> std::same_as<Tensor>;
      },
      "Generator: latent_size, style_count, resolution or mean_style is missing (docs/policies.md#generators)");
  return true;
}

/// Returns the index of the layer called `name`.
/// Errors:  another name, listing the names of all layers.
inline std::size_t find_layer(std::span<const Layer> layers, std::string_view name) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].name == name) return i;
  std::string names;
  for (const auto& layer : layers) names += (names.empty() ? "" : ", ") + layer.name;
  fail("there is no layer '", std::string(name), "'; the layers are ", names);
}

/// Returns how many numbers the slots of one layer hold.
template <Generator G>
std::int64_t parameter_count(const G& generator, std::size_t layer) {
  std::int64_t count = 0;
  for (std::size_t s = 0; s < generator.layers()[layer].slots.size(); ++s) count += generator.slot(layer, s).numel();
  return count;
}

}  // namespace nada
