/// The settings of an adaptation.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
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
  /// The batch is split into this many parts, which are computed at the same time, one thread each, where LibTorch has
  /// threads for them; a batch of fewer samples into single samples. With a term that is no mean over samples, and with
  /// micro_batch, it is not split. The parts' sum differs from the batch by rounding alone, and has the same bits for 1 to 2 `split` threads.
  std::int64_t split = 1;
  std::int64_t batch = 8;                // samples a step
  std::uint64_t seed = 0;                // seed of all random numbers
  double mixing = 0;                     // share of samples whose styles come from two latents, in [0, 1]
  Noise noise = Noise::stored;           // the same for anchor and adapted images
  bool clamp = true;                     // encoders see images clamped to [-1, 1]
  Tensor labels = {};                    // [1, C], class of all samples; undefined: the generator has no classes
  std::vector<std::string> logged = {};  // names of terms of weight 0 that a report tells all the same
  /// Type that the generators' convolutions compute in; none: the weights' type.
  std::optional<torch::ScalarType> convolutions = {};
  /// Samples whose latents, noise and views are drawn once; steps take them in turn, a batch at a time, and the anchor's
  /// images and features of each batch are made once. 0: every step draws anew. A multiple of `batch`.
  std::int64_t anchor_pool = 0;
  /// The selection renders the skip sum up to this many pixels; 0: as the training does.
  int selection_exit = 0;
  /// Processes that share each batch; all give the run the same settings and call its functions in the same order.
  ProcessGroup ranks = world();

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
    require(batch >= ranks.size(), "the batch is ", batch, ", expected at least ", ranks.size(),
            ": one sample for each rank");
    require(split >= 1, "the batch is split into ", split, " parts, expected at least 1");
    require(micro_batch == 0 || (batch + micro_batch - 1) / micro_batch >= ranks.size(), "the batch of ", batch,
            " is computed ", micro_batch, " samples at a time, which are too few parts for ", ranks.size(), " ranks");
    require(anchor_pool >= 0 && anchor_pool % batch == 0, "the anchor pool is ", anchor_pool,
            ", expected 0 or a multiple of the batch of ", batch);
    require(selection_exit == 0 || (selection_exit >= 4 && (selection_exit & (selection_exit - 1)) == 0),
            "the selection's exit is ", selection_exit, " pixels, expected 0 or a power of two from 4");
    require(mixing >= 0 && mixing <= 1, "mixing is ", mixing, ", expected a share in [0, 1]");
    require(!labels.defined() || (labels.dim() == 2 && labels.size(0) == 1), "labels of shape ",
            labels.defined() ? shape_text(labels.sizes()) : "[]", ", expected [1, C]: one class for all samples");
  }
};

}  // namespace nada
