/// CLIPs with small random weights, of both kinds.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/modified_resnet.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/encoders/vision_transformer.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/tiny.hpp"

namespace nada::test {

/// Returns a vocabulary of 519 ids: 512 for bytes, five merges, start and end.
inline const std::string small_merges = "#version: 0.2\nt h\nth e</w>\nc a\nca t</w>\n' s</w>\n";
constexpr std::int64_t small_vocabulary = 519;

/// Names and shapes are OpenAI's; no tensor is all zeros or ones, so that each tensor matters.
class RandomClip {
 public:
  explicit RandomClip(std::uint64_t seed, torch::ScalarType type = torch::kFloat64) : seed_(seed), type_(type) {}

  TensorMap tensors;

  void add(const std::string& name, const std::vector<std::int64_t>& shape, double deviation, double mean = 0) {
    const auto seed = 100000 * (seed_ + 1) + tensors.size();
    tensors[name] = (mean + deviation * (shape.empty() ? random({1}, seed)[0] : random(shape, seed))).to(type_);
  }
  void norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width}, 0.2, 1);
    add(name + ".bias", {width}, 0.2);
  }
  void batch_norm(const std::string& name, std::int64_t width) {
    norm(name, width);
    add(name + ".running_mean", {width}, 0.2);
    add(name + ".running_var", {width}, 0.1, 1);
    tensors[name + ".running_var"].abs_();
    tensors[name + ".num_batches_tracked"] = torch::tensor(7, torch::kInt64);
  }
  void transformer(const std::string& name, std::int64_t width, int depth) {
    for (int i = 0; i < depth; ++i) {
      const auto p = join(name, ".resblocks.", i, ".");
      norm(p + "ln_1", width);
      norm(p + "ln_2", width);
      add(p + "attn.in_proj_weight", {3 * width, width}, 0.4);
      add(p + "attn.in_proj_bias", {3 * width}, 0.2);
      add(p + "attn.out_proj.weight", {width, width}, 0.3);
      add(p + "attn.out_proj.bias", {width}, 0.2);
      add(p + "mlp.c_fc.weight", {2 * width, width}, 0.3);
      add(p + "mlp.c_fc.bias", {2 * width}, 0.2);
      add(p + "mlp.c_proj.weight", {width, 2 * width}, 0.3);
      add(p + "mlp.c_proj.bias", {width}, 0.2);
    }
  }
  /// The text tower has width 8 in 2 heads, 2 blocks, 7 tokens.
  void text(std::int64_t features) {
    add("token_embedding.weight", {small_vocabulary, 8}, 1);
    add("positional_embedding", {7, 8}, 0.3);
    transformer("transformer", 8, 2);
    norm("ln_final", 8);
    add("text_projection", {8, features}, 0.4);
    tensors["logit_scale"] = torch::tensor(3.0, torch::kFloat64).to(type_);
  }
  /// The transformer has width 8 in 2 heads, 2 blocks, patches of 4 pixels in a grid of 2.
  void vision_transformer(std::int64_t features) {
    add("visual.class_embedding", {8}, 0.5);
    add("visual.conv1.weight", {8, 3, 4, 4}, 0.2);
    add("visual.positional_embedding", {5, 8}, 0.3);
    norm("visual.ln_pre", 8);
    norm("visual.ln_post", 8);
    transformer("visual.transformer", 8, 2);
    add("visual.proj", {8, features}, 0.4);
  }
  /// The residual network has width 4, one or two blocks a stage, 64 pixels, attention pooling of width 128 in 4 heads.
  void residual_network(std::int64_t features) {
    const auto convolution = [&](const std::string& conv, const std::string& bn, std::int64_t out, std::int64_t in,
                                 int k) {
      add(conv + ".weight", {out, in, k, k}, 1.5 / std::sqrt(static_cast<double>(in * k * k)));
      batch_norm(bn, out);
    };
    convolution("visual.conv1", "visual.bn1", 2, 3, 3);
    convolution("visual.conv2", "visual.bn2", 2, 2, 3);
    convolution("visual.conv3", "visual.bn3", 4, 2, 3);
    std::int64_t in = 4;
    for (int layer = 1; layer <= 4; ++layer) {
      const std::int64_t planes = std::int64_t{4} << (layer - 1);
      for (int b = 0; b < (layer == 2 ? 2 : 1); ++b) {
        const auto p = join("visual.layer", layer, ".", b, ".");
        convolution(p + "conv1", p + "bn1", planes, in, 1);
        convolution(p + "conv2", p + "bn2", planes, planes, 3);
        convolution(p + "conv3", p + "bn3", 4 * planes, planes, 1);
        if (b == 0) convolution(p + "downsample.0", p + "downsample.1", 4 * planes, in, 1);
        in = 4 * planes;
      }
    }
    const std::string p = "visual.attnpool.";
    add(p + "positional_embedding", {5, 128}, 0.1);
    for (const char* which : {"q_proj", "k_proj", "v_proj"}) {
      add(p + which + ".weight", {128, 128}, 0.1);
      add(p + which + ".bias", {128}, 0.1);
    }
    add(p + "c_proj.weight", {features, 128}, 0.1);
    add(p + "c_proj.bias", {features}, 0.1);
  }

 private:
  std::uint64_t seed_;
  torch::ScalarType type_;
};

constexpr std::int64_t clip_features = 6;

inline TensorMap random_vit_clip(std::uint64_t seed = 0, torch::ScalarType type = torch::kFloat64) {
  RandomClip out(seed, type);
  out.vision_transformer(clip_features);
  out.text(clip_features);
  return out.tensors;
}
inline TensorMap random_resnet_clip(std::uint64_t seed = 0, torch::ScalarType type = torch::kFloat64) {
  RandomClip out(seed, type);
  out.residual_network(clip_features);
  out.text(clip_features);
  return out.tensors;
}
inline ClipSettings small_clip_settings(bool resnet = false) {
  ClipSettings out;
  out.image_heads = resnet ? 4 : 2;
  out.text_heads = 2;
  out.tokenizer = Tokenizer::from_merges(small_merges, "small merges");
  return out;
}
inline Clip<VisionTransformer> small_vit_clip(std::uint64_t seed = 0) {
  const auto tensors = random_vit_clip(seed);
  return {Weights(tensors, "clip", torch::kFloat64), small_clip_settings()};
}
inline Clip<ModifiedResNet> small_resnet_clip(std::uint64_t seed = 0) {
  const auto tensors = random_resnet_clip(seed);
  return {Weights(tensors, "clip", torch::kFloat64), small_clip_settings(true)};
}

}  // namespace nada::test
