/// A small network that names pictures by their attributes, to measure which of them a generator draws.
#pragma once
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/augmentation.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// AttributeColumn is a column of the tables with its texts, sorted. The texts are the classes
/// among which a picture is named.
struct AttributeColumn {
  std::string name;
  std::vector<std::string> texts;

  /// Returns the place of a text among `texts`; -1 where it is none of them.
  std::int64_t number(const std::string& text) const;
  bool operator==(const AttributeColumn&) const = default;
};

/// Returns the columns of a set that tell pictures apart: the columns with two texts or more, by name.
std::vector<AttributeColumn> attribute_columns(const ImageSet& set);

/// Returns the classes of some pictures, [N, columns] int64; -1 where a picture has no text
/// in a column, or an unknown text.
Tensor attribute_numbers(const ImageSet& set, const std::vector<std::int64_t>& pictures,
                         const std::vector<AttributeColumn>& columns);

/// AttributeClassifier gives, for each column, logits of the column's texts. Images larger than `resolution` are
/// first averaged down to it. Then follow 3 x 3 convolutions, each with a ReLU, all but the last with stride 2;
/// then the mean over a grid of 4 x 4 cells; then one linear map of those means for each column, so that the place
/// of a thing in the picture counts.
///     x_0 = images,  x_k = relu(W_k * x_(k-1) + b_k),   logits_c = V_c pool(x_K) + a_c        [N, classes of c]
/// With the default widths a picture of 64 px takes 13 million multiplications.
class AttributeClassifier {
 public:
  static constexpr std::int64_t cells = 4;

  /// `tensors` are conv.<k>.weight and .bias, head.<number of the column>.weight and .bias.
  /// Errors:  tensors that are missing, unknown or do not fit the columns; no columns.
  AttributeClassifier(std::vector<AttributeColumn> columns, TensorMap tensors, std::int64_t resolution,
                      const std::string& what);

  const std::vector<AttributeColumn>& columns() const { return columns_; }
  const TensorMap& tensors() const { return tensors_; }
  std::int64_t resolution() const { return resolution_; }
  /// Replaces a tensor by `value`, which may carry a graph.
  void use(const std::string& name, Tensor value) { tensors_.at(name) = std::move(value); }

  /// Takes images [N, 3, R, R] in [-1, 1] to logits [N, classes], one tensor for each column.
  std::vector<Tensor> operator()(const Tensor& images) const;

  /// Returns the likeliest class of each image in each column, [N, columns] int64.
  Tensor name(const Tensor& images) const;

  void save(const std::filesystem::path& path, Metadata metadata = {}) const;
  /// Reads a classifier.
  /// Errors:  another kind of file; a damaged file.
  static AttributeClassifier load(const std::filesystem::path& path);

 private:
  std::vector<AttributeColumn> columns_;
  TensorMap tensors_;
  std::int64_t resolution_, depth_ = 0;
};

/// ClassifierSettings say how to train a classifier. The augmentations are small: generated pictures are softer than
/// real ones, and no attribute may be lost.
struct ClassifierSettings {
  std::vector<std::int64_t> channels = {24, 48, 96, 128};
  std::int64_t resolution = 64, steps = 1500, batch = 64;
  Adam adam{.rate = 0.002, .beta1 = 0.9, .beta2 = 0.99};  // the rate falls to 0 along a cosine
  Augmentation augmentation = {.min_side = 0.94,
                               .max_side = 1.04,
                               .mirrored = 0,
                               .blurred = 0.3,
                               .contrast = 0.05,
                               .brightness = 0.03,
                               .noise = 0.05};
  std::uint64_t seed = 0;
};

/// Returns a classifier before training: weights N(0, 2 / fan in) (He et al., arXiv:1502.01852), heads and biases 0.
AttributeClassifier initial_classifier(std::vector<AttributeColumn> columns, const ClassifierSettings& settings);

/// Trains a classifier on all pictures of a set by the sum over its columns of the cross-entropy; each column's
/// cross-entropy is a mean over the pictures that have a text in the column. Random numbers are those of Stream{seed,
/// step}. `after(step, loss)` is called after each step and says whether to go on.
/// Errors:  a set without a column that tells pictures apart; a loss that is not finite.
template <class After>
AttributeClassifier train_classifier(const ImageSet& set, const ClassifierSettings& settings, After&& after) {
  auto columns = attribute_columns(set);
  require(!columns.empty(), "no column of the pictures' tables tells them apart by two texts or more");
  require(settings.steps >= 1 && settings.batch >= 1, "a classifier needs a step and a picture a step");
  settings.adam.check();
  auto out = initial_classifier(std::move(columns), settings);
  TrainedLeaves leaves(out.tensors());
  for (const auto& [name, leaf] : leaves.leaves()) out.use(name, leaf);
  const auto order = torch::arange(settings.batch);
  for (std::int64_t step = 1; step <= settings.steps; ++step) {
    const Stream stream{settings.seed, step};
    const auto drawn =
        (stream.uniform(Purpose::samples, {settings.batch}).to(torch::kFloat64) * static_cast<double>(set.size()))
            .floor()
            .to(torch::kInt64)
            .clamp_max(set.size() - 1);
    const std::vector<std::int64_t> pictures(drawn.data_ptr<std::int64_t>(),
                                             drawn.data_ptr<std::int64_t>() + drawn.numel());
    const auto truth = attribute_numbers(set, pictures, out.columns());
    const auto logits = out(settings.augmentation(set.images(pictures), order, stream));
    auto loss = torch::zeros({});
    for (std::size_t c = 0; c < logits.size(); ++c) {
      const auto right = truth.select(1, static_cast<std::int64_t>(c));
      const auto told = std::max<std::int64_t>(1, (right >= 0).sum().item<std::int64_t>());
      loss = loss + at::nll_loss(at::log_softmax(logits[c], 1), right, {}, at::Reduction::Sum, /*ignore_index=*/-1) /
                        static_cast<double>(told);
    }
    const auto value = loss.item<double>();
    require(std::isfinite(value), "the classifier's loss is not finite");
    auto adam = settings.adam;
    adam.rate *= 0.5 * (1 + std::cos(M_PI * static_cast<double>(step - 1) / static_cast<double>(settings.steps)));
    leaves.update(adam, torch::autograd::grad({loss}, leaves.list()));
    if (!after(step, value)) break;
  }
  for (const auto& [name, leaf] : leaves.leaves()) out.use(name, leaf.detach());
  return out;
}

/// AttributeAccuracy says how many pictures of a set a classifier names right in one column. A picture whose text the
/// classifier does not know counts as named wrong.
struct AttributeAccuracy {
  std::string column;
  std::int64_t pictures = 0, right = 0;  // `pictures` have a text in the column
  double share() const;
};

std::vector<AttributeAccuracy> attribute_accuracy(const AttributeClassifier& classifier, const ImageSet& set);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/attribute_classifier.ipp"
#endif
