// Bodies of inception.hpp.
#pragma once
#include "nada/encoders/inception.hpp"

#include <cstddef>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE Tensor Inception::Mixed::operator()(const Tensor& x) const {
  std::vector<Tensor> out;
  const auto add = [&](const Branch& branch, Tensor y) {
    for (const auto& unit : branch.chain) y = unit(y);
    if (branch.fork.empty()) out.push_back(y);
    for (const auto& unit : branch.fork) out.push_back(unit(y));
  };
  for (const auto& branch : branches) add(branch, x);
  if (pooling == Pooling::halving)
    add(behind_pooling, at::max_pool2d(x, 3, 2));
  else if (pooling == Pooling::maximum)
    add(behind_pooling, at::max_pool2d(x, 3, 1, 1));
  else
    add(behind_pooling, at::avg_pool2d(x, 3, 1, 1, /*ceil_mode=*/false, /*count_include_pad=*/false));
  return torch::cat(out, 1);
}

class Inception::Reader {
 public:
  Reader(const Weights& weights, std::int64_t in) : width(in), weights_(weights) {}

  using Shape = InceptionUnit::Shape;
  /// Kernels of a branch, by the names of its units.
  using Kernels = std::vector<std::pair<std::string, Shape>>;

  /// Begins a block, whose branches see what the block before gave.
  void begin(const std::string& name, Pooling pooling) {
    name_ = name + ".";
    block_ = {};
    block_.pooling = pooling;
    out_ = 0;
  }
  void branch(const Kernels& chain, const Kernels& fork = {}) { block_.branches.push_back(read(chain, fork)); }
  /// Ends a block with its pooling and the unit behind that, if there is one.
  Mixed end(bool unit_behind_pooling) {
    if (unit_behind_pooling)
      block_.behind_pooling = read({{"branch_pool", {1, 1}}}, {});
    else
      out_ += width;
    width = out_;
    return std::move(block_);
  }

  std::int64_t width;

 private:
  Branch read(const Kernels& chain, const Kernels& fork) {
    Branch out;
    auto in = width;
    for (const auto& [name, shape] : chain) {
      out.chain.push_back(InceptionUnit::read(weights_, name_ + name, shape, in));
      in = out.chain.back().width();
    }
    for (const auto& [name, shape] : fork) {
      out.fork.push_back(InceptionUnit::read(weights_, name_ + name, shape, in));
      out_ += out.fork.back().width();
    }
    if (fork.empty()) out_ += in;
    return out;
  }

  const Weights& weights_;
  std::string name_;
  Mixed block_;
  std::int64_t out_ = 0;
};

NADA_INLINE Inception::Inception(const TensorMap& tensors, const std::string& what, torch::TensorOptions options) {
  const Weights weights(tensors, what, options);
  require(!weights.has("AuxLogits.conv0.conv.weight"), what,
          ": is torchvision's Inception-v3, expected the one of FID (pt_inception-2015-12-05-6726825d.pth)");
  stem_ = InceptionStem(weights);
  Reader reader(weights, stem_.width());
  for (const auto* name : {"Mixed_5b", "Mixed_5c", "Mixed_5d"}) {
    reader.begin(name, Pooling::average);
    reader.branch({{"branch1x1", {1, 1}}});
    reader.branch({{"branch5x5_1", {1, 1}}, {"branch5x5_2", {5, 5}}});
    reader.branch({{"branch3x3dbl_1", {1, 1}}, {"branch3x3dbl_2", {3, 3}}, {"branch3x3dbl_3", {3, 3}}});
    blocks_.push_back(reader.end(true));
  }
  reader.begin("Mixed_6a", Pooling::halving);
  reader.branch({{"branch3x3", {3, 3, 2}}});
  reader.branch({{"branch3x3dbl_1", {1, 1}}, {"branch3x3dbl_2", {3, 3}}, {"branch3x3dbl_3", {3, 3, 2}}});
  blocks_.push_back(reader.end(false));
  for (const auto* name : {"Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"}) {
    reader.begin(name, Pooling::average);
    reader.branch({{"branch1x1", {1, 1}}});
    reader.branch({{"branch7x7_1", {1, 1}}, {"branch7x7_2", {1, 7}}, {"branch7x7_3", {7, 1}}});
    reader.branch({{"branch7x7dbl_1", {1, 1}},
                   {"branch7x7dbl_2", {7, 1}},
                   {"branch7x7dbl_3", {1, 7}},
                   {"branch7x7dbl_4", {7, 1}},
                   {"branch7x7dbl_5", {1, 7}}});
    blocks_.push_back(reader.end(true));
  }
  reader.begin("Mixed_7a", Pooling::halving);
  reader.branch({{"branch3x3_1", {1, 1}}, {"branch3x3_2", {3, 3, 2}}});
  reader.branch(
      {{"branch7x7x3_1", {1, 1}}, {"branch7x7x3_2", {1, 7}}, {"branch7x7x3_3", {7, 1}}, {"branch7x7x3_4", {3, 3, 2}}});
  blocks_.push_back(reader.end(false));
  for (const auto& [name, pooling] : {std::pair{"Mixed_7b", Pooling::average}, {"Mixed_7c", Pooling::maximum}}) {
    reader.begin(name, pooling);
    reader.branch({{"branch1x1", {1, 1}}});
    reader.branch({{"branch3x3_1", {1, 1}}}, {{"branch3x3_2a", {1, 3}}, {"branch3x3_2b", {3, 1}}});
    reader.branch({{"branch3x3dbl_1", {1, 1}}, {"branch3x3dbl_2", {3, 3}}},
                  {{"branch3x3dbl_3a", {1, 3}}, {"branch3x3dbl_3b", {3, 1}}});
    blocks_.push_back(reader.end(true));
  }
  width_ = reader.width;
  if (weights.has("fc.weight")) classifier_ = weights("fc.weight", {1008, width_});
}

NADA_INLINE Inception Inception::load(const ModelFile& file, torch::Device device, torch::ScalarType type) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::inception_network, what, " is ", name_of(file.kind()),
          ", expected the Inception network of FID (pt_inception-2015-12-05-6726825d.pth)");
  const auto tensors = to_tensors(file);
  require_finite(tensors, what);
  return {tensors, what, torch::TensorOptions().device(device).dtype(type)};
}

namespace detail {
/// Returns the matrix [to, from] that resizes a line of numbers as Pillow does with a bicubic filter, float64.
NADA_INLINE Tensor bicubic_matrix(std::int64_t from, std::int64_t to) {
  auto out = torch::zeros({to, from}, torch::kFloat64);
  const auto taps = exact_bicubic_taps(static_cast<int>(from), static_cast<int>(to));
  for (std::size_t i = 0; i < taps.size(); ++i)
    for (std::size_t j = 0; j < taps[i].weights.size(); ++j)
      out.data_ptr<double>()[static_cast<std::int64_t>(i) * from + taps[i].first + static_cast<std::int64_t>(j)] =
          taps[i].weights[j];
  return out;
}
}  // namespace detail

NADA_INLINE Tensor Inception::resize(const Tensor& images, Resizing way) {
  require(images.dim() == 4 && images.size(1) == 3, "images of shape ", shape_text(images.sizes()),
          ", expected [N, 3, H, W]");
  if (way == Resizing::torch) return at::upsample_bilinear2d(images, {side, side}, /*align_corners=*/false);
  const auto pass = [&](const Tensor& x) {  // along rows, rounded to float32 as Pillow's numbers are
    const auto matrix = detail::bicubic_matrix(x.size(3), side).to(x.device());
    return x.to(torch::kFloat64).matmul(matrix.t()).to(torch::kFloat32);
  };
  const auto values = ((images + 1) * 127.5).to(torch::kFloat32);
  const auto resized = pass(pass(values).transpose(2, 3)).transpose(2, 3).clamp(0, 255);
  return resized.to(images.scalar_type()) / 127.5 - 1;
}

NADA_INLINE Tensor Inception::pool(const Tensor& inputs, const std::function<void(int, const Tensor&)>& tap) const {
  require(inputs.dim() == 4 && inputs.size(1) == 3 && inputs.size(2) >= 75 && inputs.size(3) >= 75, "images of shape ",
          shape_text(inputs.sizes()), ", expected [N, 3, H, W] of 75 pixels or more");
  std::function<void(const Tensor&)> first;
  if (tap) first = [&](const Tensor& pooled) { tap(0, pooled); };
  auto x = at::max_pool2d(stem_(inputs, first), 3, 2);
  if (tap) tap(1, x);
  constexpr std::size_t last_of_2 = 7;  // Mixed_6e
  for (std::size_t k = 0; k < blocks_.size(); ++k) {
    x = blocks_[k](x);
    if (tap && k == last_of_2) tap(2, x);
  }
  x = x.mean(at::IntArrayRef{2, 3});
  if (tap) tap(3, x);
  return x;
}

NADA_INLINE Tensor Inception::operator()(const Tensor& images) const {
  const auto resized = resize(images.to(stem_.options()), resizing);
  return pool(resizing == Resizing::torch ? resized : (resized * 127.5 - 0.5) / 128);
}

NADA_INLINE Tensor Inception::logits(const Tensor& pooled) const {
  require(has_classifier(), "the Inception network has no classifier fc");
  return pooled.to(classifier_.options()).matmul(classifier_.t());
}

}  // namespace nada
