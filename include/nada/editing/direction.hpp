/// Directions of edits inside a domain: a smile, a beard, an age.
#pragma once
#include <string>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/editing/style_space.hpp"
#include "nada/generators/factorization.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// EditSpace says what a direction moves.
enum class EditSpace {
  w,       // all styles alike
  w_plus,  // each style by a row of its own
  style    // style channels (editing/style_space.hpp)
};

/// Returns the word for a space in files and messages.
constexpr std::string_view name_of(EditSpace space) {
  return space == EditSpace::w ? "w" : space == EditSpace::w_plus ? "w+" : "style";
}

/// Direction is one way to change all of a generator's pictures, whatever found it. An edit of strength a adds a times the
/// direction, so its length is the unit of strengths: 1 for directions of SeFA and boundaries of InterFaceGAN, whose
/// strengths are distances in W; standard deviations of the channel that counts most for global directions of StyleCLIP.
struct Direction {
  std::string name;  // in words: "smiling"
  EditSpace space = EditSpace::w;
  Tensor styles = {};          // W: [D]; W+: [L, D]
  TensorMap offsets = {};      // style space: [C] by the name of the layer
  std::string method = {};     // what found it: "closed-form factorization"
  std::string found_in = {};   // the texts, or the file that it was read from
  std::string base_hash = {};  // base_hash() of the generator that it was found in; empty: unknown
};

/// Refuses a direction of other sizes than the generator's. `what` names it in the sentence.
template <Generator G>
void require_fit(const Direction& direction, const G& generator, const std::string& what) {
  const auto l = generator.style_count(), d = generator.mean_style().size(0);
  if (direction.space == EditSpace::style) {
    for (const auto& [name, offset] : direction.offsets) {
      bool fits = false;
      for (const auto k : style_layers(generator)) {
        const auto& layer = generator.layers()[k];
        fits =
            fits || (layer.name == name && generator.slot(k, slot_of(layer, "affine.bias")).sizes() == offset.sizes());
      }
      require(fits, what, ": moves ", shape_text(offset.sizes()), " style channels of ", name,
              ", which this generator does not have");
    }
    return;
  }
  require(direction.styles.size(-1) == d, what, ": a direction of ", direction.styles.size(-1),
          " numbers, the styles of this generator have ", d);
  require(direction.space == EditSpace::w || direction.styles.size(0) == l, what, ": a direction of ",
          direction.styles.size(0), " styles, this generator has ", l);
}

/// Returns styles w+ [N, L, D] moved by `strength`; a direction in style space, and a strength of 0, leave them as they are.
Tensor moved_styles(const Tensor& styles, const Direction& direction, double strength);

/// Returns the pictures [N, 3, H, W] of styles w+ [N, L, D] after an edit. The generator may be the one that the direction
/// was found in, or one that was adapted from it. A strength of 0 gives the pictures before, bit for bit.
/// Errors:  a direction that does not fit.
template <Generator G>
Tensor edited(const G& generator, const Tensor& styles, const Direction& direction, double strength,
              const Render& render = {}) {
  if (direction.space != EditSpace::style)
    return generator.synthesize(moved_styles(styles, direction, strength), render);
  return move_channels(generator, direction.offsets, strength).synthesize(styles, render);
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/editing/direction.ipp"
#endif
