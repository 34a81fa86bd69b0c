/// Training of a step head on pairs of pictures whose captions differ as the pictures do.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// StepPairs are pairs of pictures of one content with the step of their captions.
struct StepPairs {
  Tensor before, after;  // [N, 3, R, R] in [-1, 1]
  Tensor step;           // [N, E], unit
};

struct StepHeadTrainingSettings {
  Adam adam{.rate = 0.002, .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-8};
  double text_noise = 0.03;  // deviation of what is added to each number of a step, times 1 / sqrt(E) sqrt(128)
  double clip = 1;           // largest norm of all gradients together
  std::uint64_t seed = 0;
  std::size_t measured = 0;  // levels, the first ones, whose scales are measured already: those of a head that goes on
};

/// StepHeadTraining trains the head of an encoder whose own tensors stand still:
///     L = sum_l mean (f_l(after) - f_l(before) - s_l P_l(before, step))^2 / s_l^2
/// over the head's levels. The scales s are measured on the first batch.
class StepHeadTraining {
 public:
  /// `head` are the tensors of a head (initial_step_head()).
  StepHeadTraining(AnyClip encoder, const TensorMap& head, StepHeadTrainingSettings settings);

  std::int64_t steps() const { return steps_; }
  void set_rate(double rate) { settings_.adam.rate = rate; }
  /// Takes one step and returns the loss, a mean over levels.
  /// Errors:  a loss that is not finite.
  double step(const StepPairs& pairs);
  /// Returns the head as it is now.
  TensorMap tensors() const;
  /// Sets the text steps that familiarity() compares with, [K, E].
  void set_directions(const Tensor& directions) { directions_ = directions; }
  StepHead head() const;

  /// All that the next step depends on.
  TensorMap state() const;
  void restore(const TensorMap& state, const std::string& what);

 private:
  AnyClip encoder_;
  StepHeadTrainingSettings settings_;
  TrainedLeaves leaves_;
  Tensor scale_, directions_;
  std::int64_t steps_ = 0;
};

/// Returns for each level which share of the energy of the true steps the head predicts, 1 - |f(after) - f(before) -
/// s P|^2 / |f(after) - f(before)|^2, over these pairs.
std::vector<double> explained_energy(const AnyClip& encoder, const StepHead& head, const StepPairs& pairs);

/// StepPairSource draws pairs from a set of pictures: groups of two pictures or more whose captions differ.
class StepPairSource {
 public:
  /// Errors:  a set without such groups.
  StepPairSource(const ImageSet& set, const AnyClip& encoder);

  std::int64_t size() const { return static_cast<std::int64_t>(pairs_.size()); }
  /// Draws `count` pairs evenly, each with one of its captions that differ; with `flips` every second pair is mirrored.
  StepPairs draw(std::int64_t count, bool flips, const Stream& stream) const;
  /// Returns the pairs of the given numbers with their first different captions.
  StepPairs at(const std::vector<std::int64_t>& numbers) const;
  /// Returns the numbers of the pairs whose second picture has `text` in `column`, at most `count` of them.
  std::vector<std::int64_t> with_text(const std::string& column, const std::string& text, std::int64_t count) const;
  /// Returns the texts of a column that second pictures have.
  std::vector<std::string> texts(const std::string& column) const;
  /// Returns unit text steps [K, E] of what the pairs are trained on: between the texts that a column of the tables has
  /// for both pictures, where they differ, the most frequent ones first; without tables, between drawn captions.
  Tensor directions(std::int64_t count, std::uint64_t seed) const;
  /// Leaves out the pairs whose second picture has `text` in `column`.
  void leave_out(const std::string& column, const std::string& text);

 private:
  Tensor read_steps(const std::vector<std::pair<std::string, std::string>>& captions) const;

  const ImageSet& set_;
  const AnyClip& encoder_;
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/step_head_training.ipp"
#endif
