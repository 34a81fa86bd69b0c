// Bodies of clip_names.hpp.
#pragma once
#include "nada/encoders/clip_names.hpp"

#include <cstddef>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

NADA_INLINE TensorMap clip_from_huggingface(TensorMap tensors, const std::string& what) {
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

NADA_INLINE TensorMap clip_to_huggingface(TensorMap tensors, const std::string& what) {
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

NADA_INLINE TensorMap clip_from_openai(TensorMap tensors) {
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
