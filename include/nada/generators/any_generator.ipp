// Bodies of any_generator.hpp.
#pragma once
#include "nada/generators/any_generator.hpp"

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE std::span<const Layer> AnyGenerator::layers() const {
  return std::visit([&](const auto& g) { return g.layers(); }, choice_);
}

NADA_INLINE std::int64_t AnyGenerator::latent_size() const {
  return std::visit([&](const auto& g) { return g.latent_size(); }, choice_);
}

NADA_INLINE std::int64_t AnyGenerator::style_count() const {
  return std::visit([&](const auto& g) { return g.style_count(); }, choice_);
}

NADA_INLINE std::int64_t AnyGenerator::label_size() const {
  return std::visit([&](const auto& g) { return g.label_size(); }, choice_);
}

NADA_INLINE int AnyGenerator::resolution() const {
  return std::visit([&](const auto& g) { return g.resolution(); }, choice_);
}

NADA_INLINE torch::TensorOptions AnyGenerator::options() const {
  return std::visit([&](const auto& g) { return g.options(); }, choice_);
}

NADA_INLINE Tensor AnyGenerator::map(const Tensor& z, const Tensor& labels) const {
  return std::visit([&](const auto& g) { return g.map(z, labels); }, choice_);
}

NADA_INLINE Tensor AnyGenerator::mean_style() const {
  return std::visit([&](const auto& g) { return g.mean_style(); }, choice_);
}

NADA_INLINE Tensor AnyGenerator::synthesize(const Tensor& styles, const Render& render) const {
  return std::visit([&](const auto& g) { return g.synthesize(styles, render); }, choice_);
}

NADA_INLINE const Tensor& AnyGenerator::slot(std::size_t layer, std::size_t slot) const {
  return std::visit([&](const auto& g) -> const Tensor& { return g.slot(layer, slot); }, choice_);
}

NADA_INLINE void AnyGenerator::use(std::size_t layer, std::size_t slot, Tensor value) {
  std::visit([&](auto& g) { g.use(layer, slot, std::move(value)); }, choice_);
}

NADA_INLINE std::string AnyGenerator::content_hash() const {
  return std::visit([&](const auto& g) { return g.content_hash(); }, choice_);
}

NADA_INLINE std::size_t AnyGenerator::noise_map_count() const {
  return std::visit([&](const auto& g) { return g.noise_map_count(); }, choice_);
}

NADA_INLINE int AnyGenerator::noise_resolution(std::size_t map) const {
  return std::visit([&](const auto& g) { return g.noise_resolution(map); }, choice_);
}

NADA_INLINE void AnyGenerator::use_noise(std::size_t map, Tensor value) {
  std::visit([&](auto& g) { g.use_noise(map, std::move(value)); }, choice_);
}

NADA_INLINE AnyGenerator AnyGenerator::clone() const {
  return std::visit([](const auto& g) { return AnyGenerator(g.clone()); }, choice_);
}

}  // namespace nada
