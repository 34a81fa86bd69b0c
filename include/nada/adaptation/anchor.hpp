/// The anchor: the generator whose images the adapted images are compared with.
#pragma once
#include <cstdint>
#include <optional>
#include <utility>

#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// Anchor is the source generator, or a generator that a moving shift has put in its place.
template <Generator G>
class Anchor {
 public:
  const G& generator(const G& source) const { return moved_ ? *moved_ : source; }
  bool moved() const { return moved_.has_value(); }
  std::int64_t step() const { return step_; }          ///< step at which the anchor moved; -1: never
  const TensorMap& leaves() const { return leaves_; }  ///< leaves of the moved anchor

  void move(G generator, TensorMap leaves, std::int64_t step) {
    moved_ = std::move(generator);
    leaves_ = std::move(leaves);
    step_ = step;
  }
  void reset() { *this = {}; }

 private:
  std::optional<G> moved_;
  TensorMap leaves_;
  std::int64_t step_ = -1;
};

}  // namespace nada
