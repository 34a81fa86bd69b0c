/// Translates the names of CLIP's tensors between other projects and OpenAI, whose names are our native ones.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "nada/formats/tensor_file.hpp"

namespace nada {

namespace detail {

/// Hugging Face's name and OpenAI's name of tensors that are the same in both; {tower} is vision_model or text_model.
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
/// Names of the parts of one transformer block in both projects.
constexpr std::pair<std::string_view, std::string_view> block_in_huggingface[] = {
    {"layer_norm1", "ln_1"}, {"layer_norm2", "ln_2"},   {"self_attn.out_proj", "attn.out_proj"},
    {"mlp.fc1", "mlp.c_fc"}, {"mlp.fc2", "mlp.c_proj"},
};
constexpr std::array<std::string_view, 2> towers_in_huggingface = {"vision_model.encoder.layers.",
                                                                   "text_model.encoder.layers."};
constexpr std::array<std::string_view, 2> towers_in_openai = {"visual.transformer.resblocks.",
                                                              "transformer.resblocks."};

}  // namespace detail

/// Returns the tensors of Hugging Face's CLIPModel by OpenAI's names.
/// Errors:  a tensor that has no place; a tensor that is missing.
TensorMap clip_from_huggingface(TensorMap tensors, const std::string& what);

/// Returns the tensors of a CLIP with a vision transformer by Hugging Face's names.
/// Errors:  a tensor that has no place, such as a residual network's.
TensorMap clip_to_huggingface(TensorMap tensors, const std::string& what);

/// Returns the tensors of OpenAI's archives and of OpenCLIP by OpenAI's names: without the prefix of a separate text
/// tower, and without tensors that are no weights.
TensorMap clip_from_openai(TensorMap tensors);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/clip_names.ipp"
#endif
