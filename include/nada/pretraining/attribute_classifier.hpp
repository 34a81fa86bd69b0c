/// A small network that names pictures by their attributes, to measure what a generator draws.
#pragma once
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "nada/adaptation/adam.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/augmentation.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/pretraining/trained_tensors.hpp"

namespace nada {

/// A column of the tables with the texts that it holds, sorted: the classes among which a picture is named.
struct AttributeColumn {
  std::string name;
  std::vector<std::string> texts;

  /// The place of a text among them; -1: none of them.
  std::int64_t number(const std::string& text) const {
    const auto found = std::lower_bound(texts.begin(), texts.end(), text);
    return found != texts.end() && *found == text ? found - texts.begin() : -1;
  }
  bool operator==(const AttributeColumn&) const = default;
};

/// The columns of a set that tell pictures apart: those with two texts or more, by name.
inline std::vector<AttributeColumn> attribute_columns(const ImageSet& set) {
  std::map<std::string, std::set<std::string>> texts;
  for (std::int64_t i = 0; i < set.size(); ++i)
    for (const auto& [column, text] : set[i].texts) texts[column].insert(text);
  std::vector<AttributeColumn> out;
  for (const auto& [column, found] : texts)
    if (found.size() >= 2) out.push_back({column, {found.begin(), found.end()}});
  return out;
}

/// The classes of some pictures, [N, columns] int64; -1 where a picture has no text in a column, or an unknown one.
inline Tensor attribute_numbers(const ImageSet& set, const std::vector<std::int64_t>& pictures,
                                const std::vector<AttributeColumn>& columns) {
  auto out = torch::full({static_cast<std::int64_t>(pictures.size()), static_cast<std::int64_t>(columns.size())}, -1,
                         torch::kInt64);
  auto* number = out.data_ptr<std::int64_t>();
  for (const auto i : pictures)
    for (const auto& column : columns) {
      const auto& texts = set[i].texts;
      const auto found = texts.find(column.name);
      *number++ = found == texts.end() ? -1 : column.number(found->second);
    }
  return out;
}

/// Images -> for each column logits of its texts. Images larger than `resolution` are first averaged down to it; then
/// 3 x 3 convolutions, each with a ReLU, all but the last of stride 2; then the mean over a grid of 4 x 4 cells, and of
/// those numbers a linear map a column, so that it matters where in the picture something is.
///     x_0 = images,  x_k = relu(W_k * x_(k-1) + b_k),   logits_c = V_c pool(x_K) + a_c        [N, classes of c]
/// With the default widths a picture of 64 px takes 13 million multiplications.
class AttributeClassifier {
 public:
  static constexpr std::int64_t cells = 4;

  /// `tensors`: conv.<k>.weight and .bias, head.<number of the column>.weight and .bias.
  /// Errors: tensors that are missing, unknown or do not fit the columns; no columns.
  AttributeClassifier(std::vector<AttributeColumn> columns, TensorMap tensors, std::int64_t resolution,
                      const std::string& what)
      : columns_(std::move(columns)), tensors_(std::move(tensors)), resolution_(resolution) {
    require(!columns_.empty(), what, ": a classifier needs a column with two texts or more");
    require(resolution_ >= 1, what, ": a classifier's pictures have a pixel or more, found ", resolution_);
    std::size_t known = 0;
    std::int64_t channels = 3;
    const auto expect = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
      for (const auto& [part, size] : {std::pair{name + ".weight", shape}, {name + ".bias", std::vector{shape[0]}}}) {
        const auto found = tensors_.find(part);
        require(found != tensors_.end(), what, ": tensor ", part, " is missing");
        require(found->second.sizes() == size && found->second.is_floating_point(), what, ": tensor ", part,
                " has shape ", shape_text(found->second.sizes()), ", expected ", shape_text(size));
        ++known;
      }
    };
    for (;; ++depth_) {
      const auto name = join("conv.", depth_);
      const auto found = tensors_.find(name + ".weight");
      if (found == tensors_.end()) break;
      require(found->second.dim() == 4, what, ": tensor ", name, ".weight has shape ",
              shape_text(found->second.sizes()), ", expected [C, ", channels, ", 3, 3]");
      const auto wide = found->second.size(0);
      expect(name, {wide, channels, 3, 3});
      channels = wide;
    }
    require(depth_ > 0, what, ": tensor conv.0.weight is missing");
    for (std::size_t c = 0; c < columns_.size(); ++c)
      expect(join("head.", c), {static_cast<std::int64_t>(columns_[c].texts.size()), channels * cells * cells});
    require(known == tensors_.size(), what, ": has ", tensors_.size(), " tensors, expected ", known);
  }

  const std::vector<AttributeColumn>& columns() const { return columns_; }
  const TensorMap& tensors() const { return tensors_; }
  std::int64_t resolution() const { return resolution_; }
  /// Replaces a tensor; it may carry a graph.
  void use(const std::string& name, Tensor value) { tensors_.at(name) = std::move(value); }

  /// images [N, 3, R, R] in [-1, 1] -> logits [N, classes], a column each.
  std::vector<Tensor> operator()(const Tensor& images) const {
    auto x = images;
    if (x.size(2) > resolution_) x = at::adaptive_avg_pool2d(x, {resolution_, resolution_});
    for (std::int64_t k = 0; k < depth_; ++k) {
      const auto name = join("conv.", k);
      x = at::relu(at::conv2d(x, tensors_.at(name + ".weight"), tensors_.at(name + ".bias"), k + 1 < depth_ ? 2 : 1,
                              /*padding=*/1));
    }
    x = at::adaptive_avg_pool2d(x, {cells, cells}).flatten(1);
    std::vector<Tensor> out;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto name = join("head.", c);
      out.push_back(at::linear(x, tensors_.at(name + ".weight"), tensors_.at(name + ".bias")));
    }
    return out;
  }

  /// The likeliest class of each image in each column, [N, columns] int64.
  Tensor name(const Tensor& images) const {
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> out;
    for (const auto& logits : (*this)(images)) out.push_back(logits.argmax(1));
    return at::stack(out, 1);
  }

  void save(const std::filesystem::path& path, Metadata metadata = {}) const {
    auto columns = nlohmann::json::array();
    for (const auto& column : columns_) columns.push_back({{"name", column.name}, {"texts", column.texts}});
    metadata["nada.kind"] = "classifier";
    metadata["nada.format"] = std::string(format_version);
    metadata["nada.columns"] = columns.dump();
    metadata["nada.resolution"] = std::to_string(resolution_);
    save_tensors(path, tensors_, metadata);
  }
  /// Errors: another kind of file, a damaged one.
  static AttributeClassifier load(const std::filesystem::path& path) {
    const auto file = Safetensors::open(path);
    const auto what = path.string();
    require(recognise(file) == FileKind::classifier, what, " is ", name_of(recognise(file)),
            ", expected an attribute classifier");
    std::vector<AttributeColumn> columns;
    std::int64_t resolution = 0;
    try {
      for (const auto& entry : nlohmann::json::parse(value_or(file.metadata(), "nada.columns")))
        columns.push_back({entry.at("name"), entry.at("texts")});
      resolution = std::stoll(value_or(file.metadata(), "nada.resolution"));
    } catch (const std::exception&) {
      fail(what, ": the metadata do not say the classifier's columns and resolution");
    }
    for (const auto& column : columns)
      require(std::is_sorted(column.texts.begin(), column.texts.end()), what, ": the texts of ", column.name,
              " are not sorted");
    auto tensors = to_tensors(file);
    require_finite(tensors, what);
    return {std::move(columns), std::move(tensors), resolution, what};
  }

 private:
  std::vector<AttributeColumn> columns_;
  TensorMap tensors_;
  std::int64_t resolution_, depth_ = 0;
};

/// How to train a classifier. The changes of the pictures are small: generated ones are softer than real ones, and no
/// attribute may be lost.
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

/// A classifier that knows nothing yet: weights N(0, 2 / fan in) (He et al., arXiv:1502.01852), heads and biases 0.
inline AttributeClassifier initial_classifier(std::vector<AttributeColumn> columns,
                                              const ClassifierSettings& settings) {
  const Stream stream{settings.seed, 0};
  require(!settings.channels.empty(), "a classifier needs a convolution");
  TensorMap tensors;
  std::int64_t channels = 3;
  for (std::size_t k = 0; k < settings.channels.size(); ++k) {
    const auto wide = settings.channels[k];
    require(wide >= 1, "a layer needs channels, found ", wide);
    tensors[join("conv.", k, ".weight")] = stream.normal(Purpose::leaves, {wide, channels, 3, 3}, 0, k) *
                                           std::sqrt(2.0 / static_cast<double>(9 * channels));
    tensors[join("conv.", k, ".bias")] = torch::zeros({wide});
    channels = wide;
  }
  constexpr auto cells = AttributeClassifier::cells * AttributeClassifier::cells;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto classes = static_cast<std::int64_t>(columns[c].texts.size());
    tensors[join("head.", c, ".weight")] = torch::zeros({classes, channels * cells});
    tensors[join("head.", c, ".bias")] = torch::zeros({classes});
  }
  return {std::move(columns), std::move(tensors), settings.resolution, "classifier"};
}

/// Trains a classifier on all pictures of a set by the sum over its columns of the cross-entropy, each a mean over the
/// pictures that have a text there. Random numbers are those of Stream{seed, step}. `after(step, loss)` is called after
/// each step and says whether to go on.
/// Errors: a set without a column that tells pictures apart; a loss that is not finite.
template <class After>
AttributeClassifier train_classifier(const ImageSet& set, const ClassifierSettings& settings, After&& after) {
  auto columns = attribute_columns(set);
  require(!columns.empty(), "no column of the pictures' tables tells them apart by two texts or more");
  require(settings.steps >= 1 && settings.batch >= 1, "a classifier needs a step and a picture a step");
  settings.adam.check();
  auto out = initial_classifier(std::move(columns), settings);
  TrainedTensors leaves(out.tensors());
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

/// How many pictures of a set a classifier names right in one column. A text that it does not know is named wrong.
struct AttributeAccuracy {
  std::string column;
  std::int64_t pictures = 0, right = 0;  // pictures that have a text there
  double share() const {
    return pictures == 0 ? std::numeric_limits<double>::quiet_NaN()
                         : static_cast<double>(right) / static_cast<double>(pictures);
  }
};

inline std::vector<AttributeAccuracy> attribute_accuracy(const AttributeClassifier& classifier, const ImageSet& set) {
  const auto& columns = classifier.columns();
  std::vector<AttributeAccuracy> out;
  for (const auto& column : columns) out.push_back({column.name});
  for (std::int64_t at = 0; at < set.size(); at += 50) {
    std::vector<std::int64_t> pictures;
    for (auto i = at; i < std::min(at + 50, set.size()); ++i) pictures.push_back(i);
    const auto right = classifier.name(set.images(pictures)) == attribute_numbers(set, pictures, columns);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      for (const auto i : pictures) out[c].pictures += set[i].texts.count(columns[c].name) > 0 ? 1 : 0;
      out[c].right += right.select(1, static_cast<std::int64_t>(c)).sum().item<std::int64_t>();
    }
  }
  return out;
}

}  // namespace nada
