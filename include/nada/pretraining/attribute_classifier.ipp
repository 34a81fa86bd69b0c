// Bodies of attribute_classifier.hpp.
#pragma once
#include "nada/pretraining/attribute_classifier.hpp"

#include <nlohmann/json.hpp>

#include <exception>
#include <limits>
#include <map>
#include <set>

#include "nada/core/config.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

NADA_INLINE std::int64_t AttributeColumn::number(const std::string& text) const {
  const auto found = std::lower_bound(texts.begin(), texts.end(), text);
  return found != texts.end() && *found == text ? found - texts.begin() : -1;
}

NADA_INLINE std::vector<AttributeColumn> attribute_columns(const ImageSet& set) {
  std::map<std::string, std::set<std::string>> texts;
  for (std::int64_t i = 0; i < set.size(); ++i)
    for (const auto& [column, text] : set[i].texts) texts[column].insert(text);
  std::vector<AttributeColumn> out;
  for (const auto& [column, found] : texts)
    if (found.size() >= 2) out.push_back({column, {found.begin(), found.end()}});
  return out;
}

NADA_INLINE Tensor attribute_numbers(const ImageSet& set, const std::vector<std::int64_t>& pictures,
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

NADA_INLINE AttributeClassifier::AttributeClassifier(std::vector<AttributeColumn> columns, TensorMap tensors,
                                                     std::int64_t resolution, const std::string& what)
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
    require(found->second.dim() == 4, what, ": tensor ", name, ".weight has shape ", shape_text(found->second.sizes()),
            ", expected [C, ", channels, ", 3, 3]");
    const auto wide = found->second.size(0);
    expect(name, {wide, channels, 3, 3});
    channels = wide;
  }
  require(depth_ > 0, what, ": tensor conv.0.weight is missing");
  for (std::size_t c = 0; c < columns_.size(); ++c)
    expect(join("head.", c), {static_cast<std::int64_t>(columns_[c].texts.size()), channels * cells * cells});
  require(known == tensors_.size(), what, ": has ", tensors_.size(), " tensors, expected ", known);
}

NADA_INLINE std::vector<Tensor> AttributeClassifier::operator()(const Tensor& images) const {
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

NADA_INLINE Tensor AttributeClassifier::name(const Tensor& images) const {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> out;
  for (const auto& logits : (*this)(images)) out.push_back(logits.argmax(1));
  return at::stack(out, 1);
}

NADA_INLINE void AttributeClassifier::save(const std::filesystem::path& path, Metadata metadata) const {
  auto columns = nlohmann::json::array();
  for (const auto& column : columns_) columns.push_back({{"name", column.name}, {"texts", column.texts}});
  metadata["nada.kind"] = "classifier";
  metadata["nada.format"] = std::string(format_version);
  metadata["nada.columns"] = columns.dump();
  metadata["nada.resolution"] = std::to_string(resolution_);
  save_tensors(path, tensors_, metadata);
}

NADA_INLINE AttributeClassifier AttributeClassifier::load(const std::filesystem::path& path) {
  const auto file = Safetensors::open(model_path(path));
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

NADA_INLINE AttributeClassifier initial_classifier(std::vector<AttributeColumn> columns,
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

NADA_INLINE double AttributeAccuracy::share() const {
  return pictures == 0 ? std::numeric_limits<double>::quiet_NaN()
                       : static_cast<double>(right) / static_cast<double>(pictures);
}

NADA_INLINE std::vector<AttributeAccuracy> attribute_accuracy(const AttributeClassifier& classifier,
                                                              const ImageSet& set) {
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
