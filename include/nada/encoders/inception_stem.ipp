// Bodies of inception_stem.hpp.
#pragma once
#include "nada/encoders/inception_stem.hpp"

#include <cstddef>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE InceptionUnit InceptionUnit::read(const Weights& weights, const std::string& name, Shape shape,
                                              std::int64_t in) {
  InceptionUnit out;
  out.weight = weights(name + ".conv.weight", {-1, in, shape.height, shape.width});
  out.norm = BatchNorm(weights, name + ".bn", out.weight.size(0), 0.001);
  out.stride = shape.stride;
  out.padding = {0, 0};
  if (shape.padded && shape.stride == 1) out.padding = {(shape.height - 1) / 2, (shape.width - 1) / 2};
  return out;
}

NADA_INLINE Tensor InceptionUnit::operator()(const Tensor& x) const {
  return at::relu(norm(at::conv2d(x, weight, {}, stride, padding)));
}

NADA_INLINE InceptionStem::InceptionStem(const Weights& weights) {
  std::int64_t in = 3;
  for (const auto& [name, shape] : {std::pair<const char*, InceptionUnit::Shape>{"Conv2d_1a_3x3", {3, 3, 2}},
                                    {"Conv2d_2a_3x3", {3, 3, 1, false}},
                                    {"Conv2d_2b_3x3", {3, 3}},
                                    {"Conv2d_3b_1x1", {1, 1}},
                                    {"Conv2d_4a_3x3", {3, 3, 1, false}}}) {
    units_.push_back(InceptionUnit::read(weights, name, shape, in));
    in = width();
  }
}

NADA_INLINE InceptionStem InceptionStem::load(const ModelFile& file, torch::Device device, torch::ScalarType type) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::inception_network, what, " is ", name_of(file.kind()),
          ", expected an Inception-v3 network (inception_v3_google-0cc3c7bd.pth of torchvision)");
  TensorMap tensors;
  for (const auto& view : file.tensors())
    if (view.name.starts_with("Conv2d_")) tensors[view.name] = to_tensor(view);
  require_finite(tensors, what);
  return InceptionStem(Weights(tensors, what, torch::TensorOptions().device(device).dtype(type)));
}

NADA_INLINE Tensor InceptionStem::operator()(const Tensor& images,
                                             const std::function<void(const Tensor&)>& tap) const {
  require(images.dim() == 4 && images.size(1) == 3 && images.size(2) >= least && images.size(3) >= least,
          "images of shape ", shape_text(images.sizes()), ", expected [N, 3, H, W] of ", least, " pixels or more");
  constexpr std::size_t in_first = 3;  // units before the first pooling
  auto x = images.to(options());
  for (std::size_t k = 0; k < units_.size(); ++k) {
    x = units_[k](x);
    if (k != in_first - 1) continue;
    x = at::max_pool2d(x, 3, 2);
    if (tap) tap(x);
  }
  return x;
}

}  // namespace nada
