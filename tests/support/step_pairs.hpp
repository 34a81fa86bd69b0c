/// A small residual CLIP with a vocabulary, and a folder of pairs of pictures for step heads.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/byte_pairs.hpp"
#include "nada/pretraining/initial_encoder.hpp"

namespace nada::test {

inline ClipSettings pair_clip_settings() {
  const std::vector<std::string> texts{"a face", "a negative", "a dark face"};
  ClipSettings out;
  out.preprocessing.mean = out.preprocessing.deviation = {0.5, 0.5, 0.5};
  out.tokenizer = Tokenizer::from_merges(learn_byte_pairs(texts, 30), "merges");
  out.image_heads = out.text_heads = 2;
  return out;
}

/// Returns the tensors of a random CLIP of 32 px and 8 numbers, with a residual tower or with a transformer.
inline TensorMap pair_clip_tensors(bool residual = true) {
  return initial_encoder({.resolution = 32,
                          .embedding = 8,
                          .width = residual ? 8 : 16,
                          .patch = residual ? 0 : 16,
                          .layers = residual ? std::vector<std::int64_t>{1, 1, 1, 1} : std::vector<std::int64_t>{1},
                          .context = 12,
                          .vocabulary = pair_clip_settings().tokenizer->vocabulary_size(),
                          .text_width = 16,
                          .text_layers = 1},
                         {1, 0});
}

/// Returns a CLIP of these tensors and those of a head.
inline AnyClip pair_clip(const TensorMap& head = {}, bool residual = true, torch::ScalarType type = torch::kFloat32) {
  auto tensors = pair_clip_tensors(residual);
  tensors.insert(head.begin(), head.end());
  return make_clip(tensors, "clip", pair_clip_settings(), type);
}

/// Returns the tensors of a head for pair_clip(), whose numbers are all random: it predicts something.
inline TensorMap random_head(std::int64_t width = 6) {
  auto out = initial_step_head(
      {.levels = pair_clip().dense_levels(), .embedding = 8, .width = width, .blocks = 2, .directions = 3}, {2, 0});
  std::uint64_t k = 0;
  for (auto& [name, value] : out) value = Stream{3, 0}.normal(Purpose::leaves, value.sizes().vec(), 0, k++) * 0.3;
  out["step_head.scale"] = torch::tensor({0.5F, 2.0F});
  return out;
}

/// Writes `count` pairs of 16 px: a random picture, and its negative or a darker one.
inline void write_pairs(const std::filesystem::path& folder, std::int64_t count) {
  std::filesystem::create_directories(folder);
  const auto faces = (Stream{4, 0}.uniform(Purpose::samples, {count, 3, 16, 16}) * 255).to(torch::kUInt8);
  std::vector<Tensor> images;
  std::string table = "caption,group,style\n";
  for (std::int64_t i = 0; i < count; ++i) {
    const bool negative = i % 2 == 0;
    images.push_back(faces[i]);
    images.push_back(negative ? 255 - faces[i] : faces[i] / 2);
    if (!negative) images.back() = images.back().to(torch::kUInt8);
    const auto group = std::to_string(i);
    table += "a face|a face," + group + ",a face\n";
    table += std::string(negative ? "a negative|a negative," : "a dark face|a dark face,") + group +
             (negative ? ",a negative\n" : ",a dark face\n");
  }
  save_tensors(folder / "0.safetensors", {{"images", torch::stack(images).to(torch::kUInt8)}}, {});
  write_text(folder / "0.csv", table);
}

}  // namespace nada::test
