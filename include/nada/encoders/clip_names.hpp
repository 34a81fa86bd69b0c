/// CLIP's tensors under the names of other projects, and OpenAI's, which are ours.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

namespace detail {

/// Hugging Face's name and OpenAI's, of tensors that are the same in both; {tower} is vision_model or text_model.
constexpr std::pair<std::string_view, std::string_view> same_in_huggingface[] = {
    {"logit_scale", "logit_scale"},
    {"vision_model.embeddings.class_embedding", "visual.class_embedding"},
    {"vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"},
    {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"},
    {"vision_model.pre_layrnorm.weight", "visual.ln_pre.weight"},
    {"vision_model.pre_layrnorm.bias", "visual.ln_pre.bias"},
    {"vision_model.post_layernorm.weight", "visual.ln_post.weight"},
    {"vision_model.post_layernorm.bias", "visual.ln_post.bias"},
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
    {"text_model.final_layer_norm.weight", "ln_final.weight"},
    {"text_model.final_layer_norm.bias", "ln_final.bias"},
};
constexpr std::pair<std::string_view, std::string_view> transposed_in_huggingface[] = {
    {"visual_projection.weight", "visual.proj"},
    {"text_projection.weight", "text_projection"},
};
/// Parts of one transformer block.
constexpr std::pair<std::string_view, std::string_view> block_in_huggingface[] = {
    {"layer_norm1", "ln_1"}, {"layer_norm2", "ln_2"},   {"self_attn.out_proj", "attn.out_proj"},
    {"mlp.fc1", "mlp.c_fc"}, {"mlp.fc2", "mlp.c_proj"},
};
constexpr std::array<std::string_view, 2> towers_in_huggingface = {"vision_model.encoder.layers.",
                                                                   "text_model.encoder.layers."};
constexpr std::array<std::string_view, 2> towers_in_openai = {"visual.transformer.resblocks.",
                                                              "transformer.resblocks."};

}  // namespace detail

/// Tensors of Hugging Face's CLIPModel by OpenAI's names. Errors: a tensor that has no place, or one that is missing.
inline TensorMap clip_from_huggingface(TensorMap tensors, const std::string& what) {
  TensorMap out;
  const auto take = [&](const std::string& name) {
    auto node = tensors.extract(name);
    require(!node.empty(), what, ": tensor ", name, " is missing");
    return node.mapped();
  };
  for (const auto& [theirs, ours] : detail::same_in_huggingface) out[std::string(ours)] = take(std::string(theirs));
  for (const auto& [theirs, ours] : detail::transposed_in_huggingface)
    out[std::string(ours)] = take(std::string(theirs)).t().contiguous();
  for (std::size_t tower = 0; tower < 2; ++tower)
    for (int k = 0;; ++k) {
      const auto theirs = join(detail::towers_in_huggingface[tower], k, "."),
                 ours = join(detail::towers_in_openai[tower], k, ".");
      if (!tensors.count(theirs + "layer_norm1.weight")) break;
      for (const std::string suffix : {".weight", ".bias"}) {
        for (const auto& [a, b] : detail::block_in_huggingface)
          out[join(ours, b, suffix)] = take(join(theirs, a, suffix));
        std::vector<Tensor> qkv;
        for (const char* part : {"q", "k", "v"}) qkv.push_back(take(join(theirs, "self_attn.", part, "_proj", suffix)));
        out[join(ours, "attn.in_proj_", suffix.substr(1))] = torch::cat(qkv);
      }
    }
  std::erase_if(tensors, [](const auto& item) { return item.first.ends_with("position_ids"); });
  require(tensors.empty(), what, ": tensor ", tensors.empty() ? "" : tensors.begin()->first,
          " has no place in a CLIP with Hugging Face's names");
  return out;
}

/// The reverse, for vision transformers. Errors: a tensor that has no place, such as a residual network's.
inline TensorMap clip_to_huggingface(TensorMap tensors, const std::string& what) {
  TensorMap out;
  const auto take = [&](const std::string& name) {
    auto node = tensors.extract(name);
    require(!node.empty(), what, ": tensor ", name, " is missing; only vision transformers have Hugging Face's names");
    return node.mapped();
  };
  for (const auto& [theirs, ours] : detail::same_in_huggingface) out[std::string(theirs)] = take(std::string(ours));
  for (const auto& [theirs, ours] : detail::transposed_in_huggingface)
    out[std::string(theirs)] = take(std::string(ours)).t().contiguous();
  for (std::size_t tower = 0; tower < 2; ++tower)
    for (int k = 0;; ++k) {
      const auto theirs = join(detail::towers_in_huggingface[tower], k, "."),
                 ours = join(detail::towers_in_openai[tower], k, ".");
      if (!tensors.count(ours + "ln_1.weight")) break;
      for (const std::string suffix : {".weight", ".bias"}) {
        for (const auto& [a, b] : detail::block_in_huggingface)
          out[join(theirs, a, suffix)] = take(join(ours, b, suffix));
        const auto qkv = take(join(ours, "attn.in_proj_", suffix.substr(1))).chunk(3);
        for (std::size_t i = 0; i < 3; ++i)
          out[join(theirs, "self_attn.", "qkv"[i], "_proj", suffix)] = qkv[i].contiguous();
      }
    }
  require(tensors.empty(), what, ": tensor ", tensors.empty() ? "" : tensors.begin()->first,
          " has no place among Hugging Face's names");
  return out;
}

/// Tensors of OpenAI's archives and of OpenCLIP by OpenAI's names: without the prefix of a separate text tower, and
/// without what carries no weights.
inline TensorMap clip_from_openai(TensorMap tensors) {
  TensorMap out;
  for (auto& [name, value] : tensors) {
    const auto ours = name.starts_with("text.") ? name.substr(5) : name;
    const bool counts = ours == "input_resolution" || ours == "context_length" || ours == "vocab_size" ||
                        ours == "attn_mask" || ours.ends_with("num_batches_tracked");
    if (!counts) out[ours] = std::move(value);
  }
  return out;
}

}  // namespace nada
