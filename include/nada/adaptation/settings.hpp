/// The settings of an adaptation.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/training/adam.hpp"

namespace nada {

struct AdaptationSettings {
  Adam adam = {};
  std::int64_t batch = 8;                // samples a step
  std::uint64_t seed = 0;                // seed of all random numbers
  double mixing = 0;                     // share of samples whose styles come from two latents, in [0, 1]
  Noise noise = Noise::stored;           // the same for anchor and adapted images
  bool clamp = true;                     // encoders see images clamped to [-1, 1]
  Tensor labels = {};                    // [1, C], class of all samples; undefined: the generator has no classes
  std::vector<std::string> logged = {};  // names of terms of weight 0 that a report tells all the same

  void check() const {
    adam.check();
    require(batch >= 1, "the batch is ", batch, ", expected at least 1");
    require(mixing >= 0 && mixing <= 1, "mixing is ", mixing, ", expected a share in [0, 1]");
    require(!labels.defined() || (labels.dim() == 2 && labels.size(0) == 1), "labels of shape ",
            labels.defined() ? shape_text(labels.sizes()) : "[]", ", expected [1, C]: one class for all samples");
  }
};

}  // namespace nada
