// A term that forgot its name, as a user would weigh it.
#include "nada/losses/term.hpp"

struct Brightness {
  static constexpr nada::Reads reads = nada::Reads::adapted;
  static constexpr bool per_sample = true;
  nada::Tensor operator()(const nada::Scene& scene) const { return scene.adapted_images.mean(); }
};

const auto objective = nada::weigh(1.0, Brightness{});
