/// Training of a style encoder on a generator's samples, whose styles are known, and on pictures, whose are not.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/inversion/style_encoder.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// InverterBatch holds pictures, first those of unknown styles, then samples.
struct InverterBatch {
  Tensor images;  // [N, 3, R, R] in [-1, 1]
  Tensor styles;  // w+ [K, L, D] of the last K images; undefined: none
};

/// SampleSettings say how draw_samples() makes styles that cover more than w does.
struct SampleSettings {
  double truncated = 0.5;         // share of samples that are pulled toward the mean style
  double least_truncation = 0.4;  // psi of these is uniform from here to 1
  double mixed = 0.5;             // share of samples whose later styles come from other latents

  /// Errors:  a number outside [0, 1].
  void check() const;
};

/// Draws `count` samples of a generator, with their styles.
InverterBatch draw_samples(const AnyGenerator& generator, std::int64_t count, const SampleSettings& settings,
                           const Stream& stream, const Render& render = {});

struct StyleEncoderTrainingSettings {
  Adam adam{.rate = 0.001, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8};
  double pixels = 1, tokens = 0.05, latents = 0.01, pull = 0.0003;  // weights of the terms
  double token_share = 0.125;  // of the batch, from its beginning, whose tokens are compared, in the last pass alone
  double clip = 1;             // largest norm of all gradients together
  std::int64_t passes = 3;
  std::optional<torch::ScalarType> products = {};  // type of convolutions and matrix products

  /// Errors:  a weight that is negative or not finite; no pixels, tokens or latents; no pass.
  void check() const;
};

/// StyleEncoderStep holds the terms of a step, unweighted, of the last pass.
struct StyleEncoderStep {
  double loss = 0;      // the weighted sum over all passes
  double pixels = 0;    // mean squared difference
  double distance = 0;  // root mean square of (w - mean) / deviation
  std::optional<double> tokens, latents;
};

/// StyleEncoderTraining trains a style encoder against a generator that stands still. Each pass p has the loss
///     L_p = pixels mean (G(w_p) - x)^2 + latents mean ((w_p - w) / deviation)^2 of samples
///         + pull mean ((w_p - mean) / deviation)^2,    and, in the last pass, tokens |f(G(w_P)) - f(x)|^2
/// whose gradient reaches that pass alone: what earlier passes gave is an input to the later ones.
/// Source:  losses after Richardson et al., arXiv:2008.00951; passes after Alaluf et al., arXiv:2104.02699.
class StyleEncoderTraining {
 public:
  /// `tensors` are those of a network (initial_style_encoder()); `features` compare pictures and may be empty where
  /// tokens have no weight.
  StyleEncoderTraining(AnyGenerator generator, const TensorMap& tensors, AnyFeatureExtractor features,
                       StyleEncoderTrainingSettings settings);

  std::int64_t steps() const { return steps_; }
  void set_rate(double rate) { settings_.adam.rate = rate; }

  /// Takes one step.
  /// Errors:  a loss that is not finite.
  StyleEncoderStep step(const InverterBatch& batch);

  /// Returns the network as it is now.
  TensorMap tensors() const;
  StyleEncoder encoder() const;

  /// All that the next step depends on.
  TensorMap state() const;
  void restore(const TensorMap& state, const std::string& what);

 private:
  struct Pass;
  StyleEncoder network(const TensorMap& tensors) const;
  Tensor pass_loss(const InverterBatch& batch, Pass& pass, bool last, StyleEncoderStep& told) const;

  AnyGenerator generator_;
  AnyFeatureExtractor features_;
  StyleEncoderTrainingSettings settings_;
  TrainedLeaves leaves_;
  Tensor deviation_;
  std::int64_t steps_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/style_encoder_training.ipp"
#endif
