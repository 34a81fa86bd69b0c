// Bodies of siglip_names.hpp.
#pragma once
#include "nada/encoders/siglip_names.hpp"

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/clip_names.hpp"

namespace nada {

namespace detail {

using NamePair = std::pair<std::string_view, std::string_view>;  // theirs, ours

inline constexpr NamePair siglip_in_huggingface[] = {
    {"vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"},
    {"vision_model.embeddings.patch_embedding.bias", "visual.conv1.bias"},
    {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"},
    {"vision_model.post_layernorm.weight", "visual.ln_post.weight"},
    {"vision_model.post_layernorm.bias", "visual.ln_post.bias"},
    {"vision_model.head.probe", "visual.head.probe"},
    {"vision_model.head.attention.in_proj_weight", "visual.head.attn.in_proj_weight"},
    {"vision_model.head.attention.in_proj_bias", "visual.head.attn.in_proj_bias"},
    {"vision_model.head.attention.out_proj.weight", "visual.head.attn.out_proj.weight"},
    {"vision_model.head.attention.out_proj.bias", "visual.head.attn.out_proj.bias"},
    {"vision_model.head.layernorm.weight", "visual.head.ln.weight"},
    {"vision_model.head.layernorm.bias", "visual.head.ln.bias"},
    {"vision_model.head.mlp.fc1.weight", "visual.head.mlp.c_fc.weight"},
    {"vision_model.head.mlp.fc1.bias", "visual.head.mlp.c_fc.bias"},
    {"vision_model.head.mlp.fc2.weight", "visual.head.mlp.c_proj.weight"},
    {"vision_model.head.mlp.fc2.bias", "visual.head.mlp.c_proj.bias"},
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
    {"text_model.final_layer_norm.weight", "ln_final.weight"},
    {"text_model.final_layer_norm.bias", "ln_final.bias"},
    {"text_model.head.weight", "text_projection.weight"},
    {"text_model.head.bias", "text_projection.bias"},
};

inline constexpr NamePair siglip_in_timm[] = {
    {"visual.trunk.patch_embed.proj.weight", "visual.conv1.weight"},
    {"visual.trunk.patch_embed.proj.bias", "visual.conv1.bias"},
    {"visual.trunk.norm.weight", "visual.ln_post.weight"},
    {"visual.trunk.norm.bias", "visual.ln_post.bias"},
    {"visual.trunk.attn_pool.latent", "visual.head.probe"},
    {"visual.trunk.attn_pool.proj.weight", "visual.head.attn.out_proj.weight"},
    {"visual.trunk.attn_pool.proj.bias", "visual.head.attn.out_proj.bias"},
    {"visual.trunk.attn_pool.norm.weight", "visual.head.ln.weight"},
    {"visual.trunk.attn_pool.norm.bias", "visual.head.ln.bias"},
    {"visual.trunk.attn_pool.mlp.fc1.weight", "visual.head.mlp.c_fc.weight"},
    {"visual.trunk.attn_pool.mlp.fc1.bias", "visual.head.mlp.c_fc.bias"},
    {"visual.trunk.attn_pool.mlp.fc2.weight", "visual.head.mlp.c_proj.weight"},
    {"visual.trunk.attn_pool.mlp.fc2.bias", "visual.head.mlp.c_proj.bias"},
};
inline constexpr NamePair block_in_timm[] = {
    {"norm1", "ln_1"},       {"norm2", "ln_2"},         {"attn.proj", "attn.out_proj"},
    {"mlp.fc1", "mlp.c_fc"}, {"mlp.fc2", "mlp.c_proj"},
};

/// SiglipNames moves tensors from their names to ours.
class SiglipNames {
 public:
  SiglipNames(TensorMap tensors, const std::string& what) : tensors_(std::move(tensors)), what_(what) {}

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  Tensor take(const std::string& name) {
    auto node = tensors_.extract(name);
    require(!node.empty(), what_, ": tensor ", name, " is missing");
    return node.mapped();
  }
  void put(const std::string& name, Tensor value) { out_[name] = std::move(value); }
  void move(std::string_view theirs, const std::string& ours) { put(ours, take(std::string(theirs))); }
  template <std::size_t N>
  void move(const NamePair (&names)[N]) {
    for (const auto& [theirs, ours] : names) move(theirs, std::string(ours));
  }
  /// Moves scale and bias of scores, [] or [1], to [].
  void move_scores() {
    for (const char* name : {"logit_scale", "logit_bias"}) {
      const auto value = take(name);
      require(value.numel() == 1, what_, ": tensor ", name, " has shape ", shape_text(value.sizes()),
              ", expected [] or [1]");
      put(name, value.reshape({}));
    }
  }
  TensorMap finish(std::string_view whose) {
    require(tensors_.empty(), what_, ": tensor ", tensors_.empty() ? "" : tensors_.begin()->first,
            " has no place in a SigLIP with ", whose, " names");
    return std::move(out_);
  }
  void drop(std::string_view ending) {
    std::erase_if(tensors_, [&](const auto& item) { return item.first.ends_with(ending); });
  }

 private:
  TensorMap tensors_, out_;
  const std::string& what_;
};

}  // namespace detail

NADA_INLINE TensorMap siglip_from_huggingface(TensorMap tensors, const std::string& what) {
  detail::SiglipNames names(std::move(tensors), what);
  names.move(detail::siglip_in_huggingface);
  names.move_scores();
  for (std::size_t tower = 0; tower < 2; ++tower)
    for (int k = 0;; ++k) {
      const auto theirs = join(detail::towers_in_huggingface[tower], k, "."),
                 ours = join(detail::towers_in_openai[tower], k, ".");
      if (!names.has(theirs + "layer_norm1.weight")) break;
      for (const std::string suffix : {".weight", ".bias"}) {
        for (const auto& [a, b] : detail::block_in_huggingface)
          names.move(join(theirs, a, suffix), join(ours, b, suffix));
        std::vector<Tensor> qkv;
        for (const char* part : {"q", "k", "v"})
          qkv.push_back(names.take(join(theirs, "self_attn.", part, "_proj", suffix)));
        names.put(join(ours, "attn.in_proj_", suffix.substr(1)), torch::cat(qkv));
      }
    }
  names.drop("position_ids");
  return names.finish("Hugging Face's");
}

NADA_INLINE TensorMap siglip_from_openclip(TensorMap tensors, const std::string& what) {
  detail::SiglipNames names(std::move(tensors), what);
  names.move(detail::siglip_in_timm);
  names.move_scores();
  const auto positions = names.take("visual.trunk.pos_embed");
  require(positions.dim() == 3 && positions.size(0) == 1, what, ": tensor visual.trunk.pos_embed has shape ",
          shape_text(positions.sizes()), ", expected [1, T, C]");
  names.put("visual.positional_embedding", positions[0]);
  for (const std::string suffix : {"weight", "bias"})
    names.put("visual.head.attn.in_proj_" + suffix, torch::cat({names.take("visual.trunk.attn_pool.q." + suffix),
                                                                names.take("visual.trunk.attn_pool.kv." + suffix)}));
  for (int k = 0; names.has(join("visual.trunk.blocks.", k, ".norm1.weight")); ++k) {
    const auto theirs = join("visual.trunk.blocks.", k, "."), ours = join("visual.transformer.resblocks.", k, ".");
    for (const std::string suffix : {".weight", ".bias"}) {
      for (const auto& [a, b] : detail::block_in_timm) names.move(join(theirs, a, suffix), join(ours, b, suffix));
      names.move(join(theirs, "attn.qkv", suffix), join(ours, "attn.in_proj_", suffix.substr(1)));
    }
  }
  for (const char* name : {"token_embedding.weight", "positional_embedding", "ln_final.weight", "ln_final.bias",
                           "text_projection.weight", "text_projection.bias"})
    names.move(std::string("text.") + name, name);
  for (int k = 0; names.has(join("text.transformer.resblocks.", k, ".ln_1.weight")); ++k)
    for (const char* name : {"ln_1.weight", "ln_1.bias", "ln_2.weight", "ln_2.bias", "attn.in_proj_weight",
                             "attn.in_proj_bias", "attn.out_proj.weight", "attn.out_proj.bias", "mlp.c_fc.weight",
                             "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"}) {
      const auto ours = join("transformer.resblocks.", k, ".", name);
      names.move("text." + ours, ours);
    }
  return names.finish("OpenCLIP's");
}

}  // namespace nada
