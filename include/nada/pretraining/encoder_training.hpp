/// Contrastive training of a CLIP, robust against small changes of the pictures.
/// Sources: Radford et al., arXiv:2103.00020 (the loss); Madry et al., arXiv:1706.06083 (adversarial training);
///          Santurkar et al., arXiv:1906.09453 (the gradients of robust networks draw pictures that make sense to a
///          person); Yun et al., arXiv:1905.04899 (pictures that are changed in a part).
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/augmentation.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// EncoderTrainingSettings say how to train an encoder.
struct EncoderTrainingSettings {
  Adam adam{.rate = 0.001, .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-6};
  double weight_decay = 0.05;  // of matrices and kernels, not of biases, gains and the temperature
  double step_weight = 1;      // of the term that aligns steps
  double column_weight = 1;    // of the term that names pictures among the texts of a column
  double mix_weight = 0;       // of the term for pictures that are changed in a part; 0: no such pictures
  double radius = 0;           // of the adversarial changes, L2 in [-1, 1] units; 0: no changes
  Augmentation augmentation = {};
  std::optional<torch::ScalarType> products = {};  // type of matrix products and convolutions
  std::uint64_t seed = 0;
};

/// NamedColumn holds the texts of one aspect, such as hair, and says which of them each picture of a batch has.
struct NamedColumn {
  std::vector<std::string> texts;
  Tensor truth;  // [N] int64, the place of each picture's text; -1: no text
};

/// CaptionedBatch is a batch of pictures with a caption for each.
struct CaptionedBatch {
  Tensor images;                      // [N, 3, R, R] in [-1, 1]
  std::vector<std::string> captions;  // N
  Tensor unit;                        // [N], index of the first picture of the same content
  /// Pairs of pictures of the same content whose captions differ only in the attribute that changed.
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  std::vector<NamedColumn> columns = {};
};

struct EncoderStep {
  double contrastive = 0, step = 0, naming = 0, mix = 0;  // unweighted, of the pictures that were trained on
  double scale = 0;                                       // exp(logit_scale)
};

/// EncoderTraining trains all tensors of a CLIP. Every batch is augmented. With a `mix_weight`, each pair of one
/// content adds a picture that is changed in a part, and both captions name that picture by their shares of the change:
/// without such pictures the encoder calls every white face a ghost and ignores hair and background. With a radius,
/// every picture is then replaced by one step up its own loss: by uniform(0, radius) in the direction of the picture's
/// gradient. Random numbers are those of Stream{seed, step}.
class EncoderTraining {
 public:
  /// `tensors` have OpenAI's names; `clip` must hold a vocabulary.
  EncoderTraining(const TensorMap& tensors, ClipSettings clip, EncoderTrainingSettings settings);

  std::int64_t steps() const { return steps_; }
  const ClipSettings& clip() const { return clip_; }
  /// Sets how the next steps train; the settings are not saved.
  void set(const EncoderTrainingSettings& settings);

  /// Returns the tensors as they are now, detached.
  TensorMap tensors() const;
  /// Returns the encoder as it is now, for encoding.
  AnyClip encoder() const;

  /// Takes one step.
  /// Errors:  pictures and captions that do not match; a loss that is not finite.
  EncoderStep step(const CaptionedBatch& batch);

  /// All that the next step depends on.
  TensorMap state() const;
  /// Continues from a state, which errors call `what`.
  /// Errors:  a state of another training.
  void restore(const TensorMap& state, const std::string& what);

 private:
  static bool is_statistic(const std::string& name) {
    return name.ends_with(".running_mean") || name.ends_with(".running_var");
  }
  AnyClip encoder(bool training) const;

  ClipSettings clip_;
  EncoderTrainingSettings settings_;
  TensorMap statistics_;
  TrainedLeaves leaves_;
  std::int64_t steps_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/encoder_training.ipp"
#endif
