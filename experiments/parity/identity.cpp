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
#include "nada/inversion/restyle_encoder.hpp"
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

/// Returns the tensors of an encoder of ReStyle that is made of pSp's: six channels of the three, the four first convolutions
/// of each head, and dense layers of a thirty-second.
TensorMap restyle_of_gradual(const TensorMap& tensors) {
  TensorMap out;
  for (const auto& [name, value] : tensors) {
    if (!name.starts_with("encoder.")) continue;
    const auto own = name.substr(8);
    const auto x = value.to(torch::kFloat64);
    out[own] = own == "input_layer.0.weight"               ? torch::cat({x, x.flip(0)}, 1)
               : own.find(".linear.") != std::string::npos ? x / 32
                                                           : x;
  }
  return out;
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

Results restyle_invert(const Call& call) {
  const torch::NoGradGuard no_grad;
  const auto& file = call.folder.model_file(call.entry("model", "encoder"));
  const auto kind = call.text("kind") == "e4e" ? ReStyleEncoder::Kind::e4e : ReStyleEncoder::Kind::psp;
  const auto read = read_gradual_style_encoder(file);
  const ReStyleEncoder encoder(restyle_of_gradual(read.tensors), read.tensors.at("latent_avg"), kind, "encoder",
                               call.type);
  const auto decoder = GradualStyleEncoder::load_decoder(file, {.type = call.type});
  const auto image = pictures(call, "image");
  std::vector<Tensor> styles;
  encoder.w_plus(decoder, image, [&](std::int64_t, const Tensor& w) {
    styles.push_back(w);
    return true;
  });
  const auto mean = read.tensors.at("latent_avg").to(call.type).unsqueeze(0);
  const auto shown = at::adaptive_avg_pool2d(decoder.synthesize(mean), {256, 256});
  return {{"codes", encoder.codes(image, shown.expand_as(image))},
          {"w_plus", torch::stack({styles.front(), styles.back()}, 1)}};
}

}  // namespace nada::parity
