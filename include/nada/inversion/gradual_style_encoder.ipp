// Bodies of gradual_style_encoder.hpp.
#pragma once
#include "nada/inversion/gradual_style_encoder.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/model_container.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/stylegan2_ops.hpp"

namespace nada {

namespace detail {

/// The blocks behind which the pyramid's levels are, finest first.
inline constexpr std::array<int, 3> pyramid_blocks = {6, 20, 23};

NADA_INLINE TensorMap with_prefix(const TensorMap& tensors, std::string_view prefix) {
  TensorMap out;
  for (const auto& [name, value] : tensors)
    if (name.starts_with(prefix)) out[name.substr(prefix.size())] = value;
  return out;
}

/// Returns the `encoder_type` of a file's opts.
inline std::string encoder_type_of(const ModelFile& file, const ModelContainer& container) {
  const auto& what = file.path();
  std::optional<std::string> type;
  if (file.container() == "safetensors") {
    type = value_or(file.metadata(), "nada.encoder_type");
  } else if (const auto* const found = container.attribute("", "opts.encoder_type")) {
    type = found->as_text();
  }
  require(type.has_value(), what, ": its opts name no encoder_type");
  return *type;
}

}  // namespace detail

NADA_INLINE GradualStyleEncoder::GradualStyleEncoder(const TensorMap& tensors, const Tensor& mean, Kind kind,
                                                     const std::string& what, torch::TensorOptions options)
    : kind_(kind) {
  const Weights weights(tensors, what, options);
  body_ = IrSeBody(weights);
  const auto [fine, middle, coarse] = detail::pyramid_blocks;
  const auto width = body_.width(coarse);
  lateral1_ = weights("latlayer1.weight", {width, body_.width(middle), 1, 1});
  lateral1_bias_ = weights("latlayer1.bias", {width});
  lateral2_ = weights("latlayer2.weight", {width, body_.width(fine), 1, 1});
  lateral2_bias_ = weights("latlayer2.bias", {width});
  const int count = weights.count("styles.", ".linear.weight");
  require(count > 7, what, ": has ", count, " heads, expected one for each style, at least 8");
  mean_ = mean_of_heads(mean, count, what).to(options);
  for (int i = 0; i < count; ++i)
    heads_.push_back(StyleHead::read(weights, join("styles.", i), width, i < 3 ? 4 : i < 7 ? 5 : 6, mean_.size(1)));
}

NADA_INLINE Tensor mean_of_heads(const Tensor& mean, std::int64_t count, const std::string& what) {
  require(mean.dim() >= 1 && mean.dim() <= 2, what, ": latent_avg has shape ", shape_text(mean.sizes()),
          ", expected [L, D] or [D]");
  const auto size = mean.size(-1);
  require(mean.dim() == 1 || mean.size(0) == count, what, ": latent_avg has shape ", shape_text(mean.sizes()),
          ", expected [", count, ", ", size, "]");
  return mean.expand({count, size}).contiguous();
}

NADA_INLINE StyleHead StyleHead::read(const Weights& weights, const std::string& name, std::int64_t in, int depth,
                                      std::int64_t out) {
  StyleHead head;
  for (int k = 0; k < depth; ++k) {
    const auto convolution = join(name, ".convs.", 2 * k);
    head.weights.push_back(weights(convolution + ".weight", {out, k == 0 ? in : out, 3, 3}));
    head.biases.push_back(weights(convolution + ".bias", {out}));
  }
  head.weight = weights(name + ".linear.weight", {out, out});
  head.bias = weights(name + ".linear.bias", {out});
  return head;
}

NADA_INLINE Tensor StyleHead::operator()(Tensor x) const {
  for (std::size_t k = 0; k < weights.size(); ++k) x = at::leaky_relu(at::conv2d(x, weights[k], biases[k], 2, 1), 0.01);
  return stylegan2::dense(x.flatten(1), weight, bias);
}

NADA_INLINE EncoderCheckpoint read_encoder_checkpoint(const ModelFile& file) {
  const auto what = file.path().string();
  const auto container = ModelContainer::open(file.path());
  EncoderCheckpoint out{{}, detail::encoder_type_of(file, container)};
  out.tensors = to_tensors(file);
  if (file.container() != "safetensors") {
    const auto* const mean = container.root().find("latent_avg");
    require(mean != nullptr && mean->as_tensor() != nullptr, what, ": has no tensor latent_avg");
    out.tensors["latent_avg"] = to_tensor(container.tensors("latent_avg").front());
  }
  require(out.tensors.count("latent_avg") > 0, what, ": has no tensor latent_avg");
  std::erase_if(out.tensors, [](const auto& entry) { return entry.first.ends_with(".num_batches_tracked"); });
  require_finite(out.tensors, what);
  return out;
}

NADA_INLINE GradualStyleEncoderFile read_gradual_style_encoder(const ModelFile& file) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::gradual_style_encoder, what, " is ", name_of(file.kind()),
          ", expected an encoder of pictures to styles (e4e or pSp)");
  auto read = read_encoder_checkpoint(file);
  const bool e4e = read.encoder_type == "Encoder4Editing";
  require(e4e || read.encoder_type == "GradualStyleEncoder", what, ": the encoder_type is '", read.encoder_type,
          "', expected Encoder4Editing or GradualStyleEncoder");
  return {std::move(read.tensors), e4e ? GradualStyleEncoder::Kind::e4e : GradualStyleEncoder::Kind::psp};
}

NADA_INLINE Metadata gradual_style_encoder_metadata(GradualStyleEncoder::Kind kind, Metadata more) {
  more["nada.kind"] = "gradual_style_encoder";
  more["nada.format"] = format_version;
  more["nada.encoder_type"] = kind == GradualStyleEncoder::Kind::e4e ? "Encoder4Editing" : "GradualStyleEncoder";
  return more;
}

NADA_INLINE GradualStyleEncoder GradualStyleEncoder::load(const ModelFile& file, Placement place) {
  const auto read = read_gradual_style_encoder(file);
  return {detail::with_prefix(read.tensors, "encoder."), read.tensors.at("latent_avg"), read.kind, file.path().string(),
          torch::TensorOptions().device(place.device).dtype(place.type)};
}

NADA_INLINE StyleGan2 GradualStyleEncoder::load_decoder(const ModelFile& file, Placement place) {
  const auto what = file.path().string();
  const auto theirs = detail::with_prefix(read_gradual_style_encoder(file).tensors, "decoder.");
  require(!theirs.empty(), what, ": holds no decoder");
  auto tensors = from_rosinality(theirs, what);
  if (auto mean = estimated_mean_style(tensors, StyleGan2Settings{}.mapping_lr); mean.defined())
    tensors["mean_style"] = std::move(mean);
  for (auto& [name, value] : tensors) value = value.to(place.device, place.type);
  return StyleGan2(std::move(tensors), what);
}

NADA_INLINE Tensor GradualStyleEncoder::codes(const Tensor& images,
                                              const std::function<void(std::string_view, const Tensor&)>& tap) const {
  require(images.dim() == 4 && images.size(1) == 3 && images.size(2) == input_size && images.size(3) == input_size,
          "pictures of shape ", shape_text(images.sizes()), ", expected [N, 3, 256, 256]");
  std::array<Tensor, 3> c;
  body_(images, [&](int k, const Tensor& x) {
    for (std::size_t level = 0; level < c.size(); ++level)
      if (detail::pyramid_blocks[level] == k) c[level] = x;
  });
  if (tap)
    for (std::size_t level = 0; level < c.size(); ++level) tap(std::array{"c1", "c2", "c3"}[level], c[level]);
  const auto add = [](const Tensor& coarse, const Tensor& own, const Tensor& weight, const Tensor& bias) {
    return at::upsample_bilinear2d(coarse, {own.size(2), own.size(3)}, /*align_corners=*/true) +
           at::conv2d(own, weight, bias);
  };
  const auto p2 = add(c[2], c[1], lateral1_, lateral1_bias_), p1 = add(p2, c[0], lateral2_, lateral2_bias_);
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    auto row = heads_[i](i < 3 ? c[2] : i < 7 ? p2 : p1);
    if (kind_ == Kind::e4e && i > 0) row = row + rows.front();
    rows.push_back(std::move(row));
  }
  return at::stack(rows, 1);
}

NADA_INLINE Tensor GradualStyleEncoder::w_plus(const Tensor& images) const {
  const bool fits = images.dim() == 4 && images.size(2) == input_size && images.size(3) == input_size;
  return codes(fits ? images : at::_upsample_bilinear2d_aa(images, {input_size, input_size}, /*align_corners=*/false)) +
         mean_;
}

}  // namespace nada
