// Operations on networks that know faces: ArcFace, and encoders of pictures to styles.
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/inversion/gradual_style_encoder.hpp"
#include "operations.hpp"
#include "pictures.hpp"
#include "procedure.hpp"

namespace nada::parity {

namespace {

ArcFace identity_network(const Call& call) {
  const auto& model = call.entry("model", "encoder");
  if (is_procedure(model)) return {procedure(call.folder.path(model)).tensors, "procedure", call.type};
  return ArcFace::load(call.folder.model_file(model), torch::kCPU, call.type);
}

GradualStyleEncoder gradual_style_encoder(const Call& call) {
  const auto& model = call.entry("model", "encoder");
  if (!is_procedure(model)) return GradualStyleEncoder::load(call.folder.model_file(model), {.type = call.type});
  const auto made = procedure(call.folder.path(model));
  const auto kind = made.type == "Encoder4Editing" ? GradualStyleEncoder::Kind::e4e : GradualStyleEncoder::Kind::psp;
  const auto width = made.tensors.at("latlayer1.bias").size(0);
  return {made.tensors, torch::zeros({width}), kind, "procedure", call.type};  // codes come without the mean
}

}  // namespace

Results identity_embed(const Call& call) {
  const torch::NoGradGuard no_grad;
  const auto image = pictures(call, "image");
  Results out;
  out["embedding"] = identity_network(call).embed(call.get<bool>("crop") ? ArcFace::crop(image) : image,
                                                  [&](int k, const Tensor& x) { out[join("features.body.", k)] = x; });
  return out;
}

Results identity_crop(const Call& call) {
  auto image = pictures(call, "image");
  require(image.size(2) == 256 || (call.has("pool_first") && call.get<bool>("pool_first")),
          "a picture of another size is pooled first");
  const auto face = ArcFace::crop(image);
  return {{"samples", samples(call, face)}, {"mean_abs", mean_abs(face)}};
}

Results identity_loss(const Call& call) {
  const auto network = identity_network(call);
  const auto image = pictures(call, "image").requires_grad_(true);
  const auto cosine = (network(image) * network(pictures(call, "target")).detach()).sum(1);
  const auto loss = (1 - cosine).mean();
  Results out{{"loss", loss}, {"cosine", cosine}};
  add_gradient(call, loss, image, out);
  return out;
}

Results encoder_invert(const Call& call) {
  const torch::NoGradGuard no_grad;
  const auto encoder = gradual_style_encoder(call);
  const auto image = pictures(call, "image");
  Results out;
  out["codes"] =
      encoder.codes(image, [&](std::string_view level, const Tensor& x) { out["features." + std::string(level)] = x; });
  out["w_plus"] = encoder.w_plus(image);
  if (call.expected().contains("image"))
    out["image"] =
        GradualStyleEncoder::load_decoder(call.folder.model_file(call.entry("model", "encoder")), {.type = call.type})
            .synthesize(encoder.w_plus(image));
  return out;
}

Results encoder_gradient(const Call& call) {
  const auto image = pictures(call, "image").requires_grad_(true);
  const auto loss = (gradual_style_encoder(call).codes(image) * call.tensor("probe")).sum();
  Results out{{"loss", loss}};
  add_gradient(call, loss, image, out);
  return out;
}

}  // namespace nada::parity
