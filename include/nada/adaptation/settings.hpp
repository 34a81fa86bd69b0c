/// The settings of an adaptation.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/optimizer.hpp"
#include "nada/training/schedule.hpp"

namespace nada {

struct AdaptationSettings {
  Adam adam = {};                                // moves the leaves, unless `optimizer` does
  std::optional<AnyOptimizer> optimizer = {};    // another one: Sgd{.rate = 0.01}
  Schedule rate = {};                            // multiplies the learning rate
  std::map<std::string, Schedule> weights = {};  // multiply the weights of terms, by name
  double clip_norm = 0;                          // longest gradient of all leaves together; 0: any
  double half_life = 0;                          // steps in which the running mean of the leaves forgets half; 0: none
  std::int64_t micro_batch = 0;                  // samples that are computed at a time; 0: the batch
  std::int64_t batch = 8;                        // samples a step
  std::uint64_t seed = 0;                        // seed of all random numbers
  double mixing = 0;                             // share of samples whose styles come from two latents, in [0, 1]
  Noise noise = Noise::stored;                   // the same for anchor and adapted images
  bool clamp = true;                             // encoders see images clamped to [-1, 1]
  Tensor labels = {};                    // [1, C], class of all samples; undefined: the generator has no classes
  std::vector<std::string> logged = {};  // names of terms of weight 0 that a report tells all the same

  AnyOptimizer chosen_optimizer() const { return optimizer ? *optimizer : AnyOptimizer(adam); }

  void check() const {
    chosen_optimizer().check();
    rate.check("the schedule of the learning rate");
    for (const auto& [name, schedule] : weights) schedule.check("the schedule of the term " + name);
    require(clip_norm >= 0, "the longest gradient is ", clip_norm, ", expected a number >= 0");
    require(half_life >= 0, "the running mean's half-life is ", half_life, " steps, expected a number >= 0");
    require(micro_batch >= 0 && micro_batch <= batch, "the batch is computed ", micro_batch,
            " samples at a time, expected 0 to ", batch);
    require(batch >= 1, "the batch is ", batch, ", expected at least 1");
    require(mixing >= 0 && mixing <= 1, "mixing is ", mixing, ", expected a share in [0, 1]");
    require(!labels.defined() || (labels.dim() == 2 && labels.size(0) == 1), "labels of shape ",
            labels.defined() ? shape_text(labels.sizes()) : "[]", ", expected [1, C]: one class for all samples");
  }
};

}  // namespace nada
