// Bodies of restyle_encoder.hpp.
#pragma once
#include "nada/inversion/restyle_encoder.hpp"

#include <string>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE ReStyleEncoder::ReStyleEncoder(const TensorMap& tensors, const Tensor& mean, Kind kind,
                                           const std::string& what, torch::TensorOptions options)
    : kind_(kind) {
  const Weights weights(tensors, what, options);
  body_ = IrSeBody(weights, {}, /*channels=*/6);
  const int count = weights.count("styles.", ".linear.weight");
  require(count > 0, what, ": has no heads, expected one for each style");
  mean_ = mean_of_heads(mean, count, what).to(options);
  constexpr int depth = 4;  // from 16 places a side to one
  for (int i = 0; i < count; ++i)
    heads_.push_back(StyleHead::read(weights, join("styles.", i), body_.width(), depth, mean_.size(1)));
}

NADA_INLINE Tensor ReStyleEncoder::codes(const Tensor& pictures, const Tensor& shown) const {
  for (const auto* images : {&pictures, &shown})
    require(
        images->dim() == 4 && images->size(1) == 3 && images->size(2) == input_size && images->size(3) == input_size,
        "pictures of shape ", shape_text(images->sizes()), ", expected [N, 3, 256, 256]");
  const auto features = body_(torch::cat({pictures, shown}, 1));
  std::vector<Tensor> rows;
  for (const auto& head : heads_) {
    auto row = head(features);
    if (kind_ == Kind::e4e && !rows.empty()) row = row + rows.front();
    rows.push_back(std::move(row));
  }
  return at::stack(rows, 1);
}

NADA_INLINE Tensor ReStyleEncoder::resized(const Tensor& pictures) {
  require(pictures.dim() == 4, "pictures of shape ", shape_text(pictures.sizes()), ", expected [N, 3, H, W]");
  if (pictures.size(2) == input_size && pictures.size(3) == input_size) return pictures;
  return at::_upsample_bilinear2d_aa(pictures, {input_size, input_size}, /*align_corners=*/false);
}

NADA_INLINE ReStyleEncoderFile read_restyle_encoder(const ModelFile& file) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::restyle_encoder, what, " is ", name_of(file.kind()),
          ", expected an encoder of ReStyle");
  auto read = read_encoder_checkpoint(file);
  const bool e4e = read.encoder_type == "ProgressiveBackboneEncoder";
  require(e4e || read.encoder_type == "BackboneEncoder", what, ": the encoder_type is '", read.encoder_type,
          "', expected BackboneEncoder or ProgressiveBackboneEncoder");
  return {std::move(read.tensors), e4e ? ReStyleEncoder::Kind::e4e : ReStyleEncoder::Kind::psp};
}

NADA_INLINE Metadata restyle_encoder_metadata(ReStyleEncoder::Kind kind, Metadata more) {
  more["nada.kind"] = "restyle_encoder";
  more["nada.format"] = format_version;
  more["nada.encoder_type"] = kind == ReStyleEncoder::Kind::e4e ? "ProgressiveBackboneEncoder" : "BackboneEncoder";
  return more;
}

NADA_INLINE ReStyleEncoder ReStyleEncoder::load(const ModelFile& file, Placement place) {
  const auto read = read_restyle_encoder(file);
  return {detail::with_prefix(read.tensors, "encoder."), read.tensors.at("latent_avg"), read.kind, file.path().string(),
          torch::TensorOptions().device(place.device).dtype(place.type)};
}

}  // namespace nada
