// Bodies of siglip.hpp.
#pragma once
#include "nada/encoders/siglip.hpp"

#include <algorithm>
#include <cmath>

#include "nada/core/config.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {

inline constexpr double siglip_epsilon = 1e-6;

/// Returns settings that have a SigLIP's part.
NADA_INLINE ClipSettings with_siglip(ClipSettings settings) {
  if (!settings.siglip) settings.siglip.emplace();
  return settings;
}

}  // namespace detail

NADA_INLINE SiglipVision::SiglipVision(const Weights& weights, std::int64_t heads, Gelu kind, std::int64_t image_size)
    : gelu_(kind) {
  patches_ = weights("visual.conv1.weight", {-1, 3, -1, -1});
  const auto width = patches_.size(0), patch = patches_.size(2);
  require(patch == patches_.size(3), weights.what(), ": patches of ", shape_text(patches_.sizes()), " are not square");
  patch_bias_ = weights("visual.conv1.bias", {width});
  positions_ = weights("visual.positional_embedding", {-1, width});
  grid_ = std::lround(std::sqrt(static_cast<double>(positions_.size(0))));
  require(grid_ > 0 && grid_ * grid_ == positions_.size(0), weights.what(), ": ", positions_.size(0),
          " positions are not a square grid");
  image_size_ = image_size ? image_size : grid_ * patch;
  require(image_size_ / patch == grid_, weights.what(), ": images of ", image_size_, " px in patches of ", patch,
          " px are not the grid of ", grid_, " x ", grid_, " positions that it has");
  heads_ = heads ? heads : std::max<std::int64_t>(1, width / 64);
  transformer_ = Transformer(weights, "visual.transformer", width, heads_, kind, detail::siglip_epsilon);
  ln_post_ = LayerNorm(weights, "visual.ln_post", width, detail::siglip_epsilon);
  const std::string p = "visual.head.";
  probe_ = weights(p + "probe", {1, 1, width});
  in_weight_ = weights(p + "attn.in_proj_weight", {3 * width, width});
  in_bias_ = weights(p + "attn.in_proj_bias", {3 * width});
  out_weight_ = weights(p + "attn.out_proj.weight", {width, width});
  out_bias_ = weights(p + "attn.out_proj.bias", {width});
  head_norm_ = LayerNorm(weights, p + "ln", width, detail::siglip_epsilon);
  fc_weight_ = weights(p + "mlp.c_fc.weight", {-1, width});
  fc_bias_ = weights(p + "mlp.c_fc.bias", {fc_weight_.size(0)});
  proj_weight_ = weights(p + "mlp.c_proj.weight", {width, fc_weight_.size(0)});
  proj_bias_ = weights(p + "mlp.c_proj.bias", {width});
}

NADA_INLINE Tensor SiglipVision::embed(const Tensor& images) const {
  // The patches do not overlap: a convolution with this stride is one matrix product.
  const auto n = images.size(0), patch = patches_.size(2), edge = grid_ * patch;
  const auto pieces = images.narrow(2, 0, edge)
                          .narrow(3, 0, edge)
                          .reshape({n, 3, grid_, patch, grid_, patch})
                          .permute({0, 2, 4, 1, 3, 5})
                          .reshape({n, grid_ * grid_, -1});
  return dense(pieces, patches_.view({width(), -1}), patch_bias_) + positions_;
}

NADA_INLINE Tensor SiglipVision::pool(const Tensor& x) const {
  const auto weight = in_weight_.chunk(3), bias = in_bias_.chunk(3);
  const auto q = dense(probe_.expand({x.size(0), 1, width()}), weight[0], bias[0]);
  const auto pooled =
      dense(attend(q, dense(x, weight[1], bias[1]), dense(x, weight[2], bias[2]), heads_), out_weight_, out_bias_);
  const auto inner = gelu(dense(head_norm_(pooled.to(x.scalar_type())), fc_weight_, fc_bias_), gelu_);
  return (pooled + dense(inner, proj_weight_, proj_bias_)).select(1, 0);
}

NADA_INLINE Siglip::Siglip(const Weights& weights, ClipSettings settings)
    : settings_(detail::with_siglip(std::move(settings))),
      tower_(weights, settings_.image_heads, settings_.gelu, settings_.siglip->image_size) {
  settings_.preprocessing.size = tower_.resolution();
  tokens_ = weights("token_embedding.weight", {-1, -1});
  const auto width = tokens_.size(1);
  positions_ = weights("positional_embedding", {-1, width});
  text_ = Transformer(weights, "transformer", width, settings_.text_heads, settings_.siglip->text_gelu,
                      detail::siglip_epsilon);
  ln_final_ = LayerNorm(weights, "ln_final", width, detail::siglip_epsilon);
  projection_ = weights("text_projection.weight", {tower_.width(), width});
  projection_bias_ = weights("text_projection.bias", {tower_.width()});
  score_scale_ = std::exp(weights("logit_scale", {}).item<double>());
  score_bias_ = weights("logit_bias", {}).item<double>();
}

NADA_INLINE void Siglip::set_preprocessing(const Preprocessing& preprocessing) {
  settings_.preprocessing = preprocessing;
  settings_.preprocessing.size = tower_.resolution();
}

NADA_INLINE void Siglip::require_images(const Tensor& images) const {
  require(images.dim() == 4 && images.size(1) == 3 && images.size(2) == resolution() && images.size(3) == resolution(),
          "normalised images of shape ", shape_text(images.sizes()), ", expected [N, 3, ", resolution(), ", ",
          resolution(), "]");
}

NADA_INLINE Tensor Siglip::tokenize(std::span<const std::string> texts) const {
  const auto& tokenizer = settings_.siglip->tokenizer;
  require(tokenizer.has_value(),
          "this encoder's folder holds no vocabulary: give one with --vocabulary (SigLIP's spiece.model, SigLIP 2's "
          "tokenizer.json)");
  auto ids = torch::zeros({static_cast<std::int64_t>(texts.size()), context()}, torch::kInt64);
  for (std::size_t t = 0; t < texts.size(); ++t) {
    require(texts[t].find_first_not_of(" \t\r\n") != std::string::npos, "an empty text cannot be encoded");
    const auto padded = tokenizer->padded(texts[t], context());
    // A vocabulary may have entries at its end that no text gives (mT5's <extra_id_0> ...) and the encoder lacks.
    require(std::ranges::max(padded) < vocabulary_size(), "the text ", in_quotes(texts[t]), " has a token of id ",
            std::ranges::max(padded), ", and the encoder knows ", vocabulary_size(), ": this vocabulary is another's");
    std::copy(padded.begin(), padded.end(), ids[static_cast<std::int64_t>(t)].data_ptr<std::int64_t>());
  }
  return ids;
}

NADA_INLINE Tensor Siglip::embed(const Tensor& ids) const {
  require(ids.dim() == 2 && ids.size(1) >= 1 && ids.size(1) <= context(), "token ids of shape ",
          shape_text(ids.sizes()), ", expected [T, ", context(), "]");
  const auto indices = ids.to(tokens_.device(), torch::kInt64);
  require(indices.numel() == 0 ||
              (indices.min().item<std::int64_t>() >= 0 && indices.max().item<std::int64_t>() < vocabulary_size()),
          "token ids outside the vocabulary of ", vocabulary_size());
  return at::embedding(tokens_, indices) + positions_.narrow(0, 0, ids.size(1));
}

}  // namespace nada
