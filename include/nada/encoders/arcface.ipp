// Bodies of arcface.hpp.
#pragma once
#include "nada/encoders/arcface.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE ArcFace::ArcFace(const TensorMap& tensors, const std::string& what, torch::TensorOptions options) {
  const Weights weights(tensors, what, options);
  body_ = IrSeBody(weights);
  const auto width = body_.width();
  constexpr std::int64_t places = 7 * 7;  // of 112 pixels, halved four times
  before_ = BatchNorm(weights, "output_layer.0", width);
  dense_weight_ = weights("output_layer.3.weight", {-1, width * places});
  dense_bias_ = weights("output_layer.3.bias", {dense_weight_.size(0)});
  after_ = BatchNorm(weights, "output_layer.4", dense_weight_.size(0));
}

NADA_INLINE ArcFace ArcFace::load(const ModelFile& file, torch::Device device, torch::ScalarType type) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::identity_network, what, " is ", name_of(file.kind()),
          ", expected an ArcFace network (model_ir_se50.pth)");
  const auto tensors = to_tensors(file);
  require_finite(tensors, what);
  return {tensors, what, torch::TensorOptions().device(device).dtype(type)};
}

NADA_INLINE Tensor ArcFace::crop(const Tensor& images) {
  require(images.dim() == 4 && images.size(1) == 3, "images of shape ", shape_text(images.sizes()),
          ", expected [N, 3, H, W]");
  constexpr std::int64_t size = 256;
  const auto whole =
      images.size(2) == size && images.size(3) == size ? images : at::adaptive_avg_pool2d(images, {size, size});
  return at::adaptive_avg_pool2d(whole.narrow(2, 35, 188).narrow(3, 32, 188), {112, 112});
}

NADA_INLINE Tensor ArcFace::embed(const Tensor& faces, const std::function<void(int, const Tensor&)>& tap) const {
  require(faces.dim() == 4 && faces.size(1) == 3 && faces.size(2) == 112 && faces.size(3) == 112, "faces of shape ",
          shape_text(faces.sizes()), ", expected [N, 3, 112, 112]");
  const auto x = before_(body_(faces, tap)).flatten(1);
  const auto embedded = after_(at::linear(x, dense_weight_, dense_bias_));
  return embedded / embedded.norm(2, 1, /*keepdim=*/true);
}

}  // namespace nada
