/// The generators there are.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/generators/stylegan3.hpp"

namespace nada {

/// A menu: a Generator that holds one of this list, which the file decides (open_generator.hpp opens it,
/// adaptation/delta_file.hpp deltas too). Another
/// generator is added here, and where files are recognised; programs name this type alone.
class AnyGenerator {
 public:
  using Choice = std::variant<StyleGan2, StyleGan3>;

  template <class G>
  requires(!std::same_as<G, AnyGenerator> && std::constructible_from<Choice, G>) AnyGenerator(G generator)
      : choice_(std::move(generator)) {}

  const Choice& choice() const { return choice_; }
  /// The generator as the type G. Errors:  it is another one.
  template <class G>
  const G& as() const {
    const auto* const own = std::get_if<G>(&choice_);
    require(own != nullptr, "this needs another kind of generator");
    return *own;
  }

  std::span<const Layer> layers() const;
  std::int64_t latent_size() const;
  std::int64_t style_count() const;
  std::int64_t label_size() const;  ///< classes; 0: none
  int resolution() const;
  torch::TensorOptions options() const;
  Tensor map(const Tensor& z, const Tensor& labels = {}) const;
  Tensor mean_style() const;
  Tensor synthesize(const Tensor& styles, const Render& render = {}) const;
  const Tensor& slot(std::size_t layer, std::size_t slot) const;
  void use(std::size_t layer, std::size_t slot, Tensor value);
  AnyGenerator clone() const;
  std::string content_hash() const;

  /// Noise inputs, one a convolution: how many, the pixels of a side of one, and a map [N, 1, r, r] in its place.
  std::size_t noise_map_count() const;
  int noise_resolution(std::size_t map) const;
  void use_noise(std::size_t map, Tensor value);

 private:
  Choice choice_;
};
static_assert(Generator<AnyGenerator>);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/any_generator.ipp"
#endif
