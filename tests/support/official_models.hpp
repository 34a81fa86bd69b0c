/// Names, shapes and plausible deviations of the official models' tensors, as their own files have them.
/// StyleGAN2 config-f with channel multiplier 2: names of rosinality/stylegan2-pytorch. CLIP: names of openai/CLIP.
/// SigLIP: names of Hugging Face.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"

namespace nada::test {

struct OfficialTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  double deviation = 1, mean = 0;
  bool positive = false;  // a variance

  std::int64_t count() const {
    std::int64_t out = 1;
    for (const auto size : shape) out *= size;
    return out;
  }
};
using OfficialModel = std::vector<OfficialTensor>;

/// Lists the tensors of a generator: 512 channels up to 64 px, then half with each doubling; latents and styles of 512
/// numbers, 8 mapping layers.
inline OfficialModel config_f(int resolution) {
  require(resolution >= 8 && resolution <= 1024 && (resolution & (resolution - 1)) == 0, "config-f: no ", resolution,
          " px");
  OfficialModel out;
  const std::int64_t d = 512;
  const auto width = [](int r) { return std::int64_t{r <= 64 ? 512 : 32768 / r}; };
  const auto affine = [&](const std::string& name, std::int64_t in) {
    out.push_back({name + ".conv.modulation.weight", {in, d}});
    out.push_back({name + ".conv.modulation.bias", {in}, 0.1, 1});
  };
  int map = 0;
  const auto convolution = [&](const std::string& name, std::int64_t in, int r) {
    out.push_back({name + ".conv.weight", {1, width(r), in, 3, 3}});
    affine(name, in);
    out.push_back({name + ".noise.weight", {1}, 0.1});
    out.push_back({name + ".activate.bias", {width(r)}, 0.1});
    out.push_back({join("noises.noise_", map++), {1, 1, r, r}});
  };
  const auto rgb = [&](const std::string& name, int r) {
    out.push_back({name + ".conv.weight", {1, 3, width(r), 1, 1}});
    affine(name, width(r));
    out.push_back({name + ".bias", {1, 3, 1, 1}, 0.1});
  };
  for (int k = 1; k <= 8; ++k) {
    out.push_back({join("style.", k, ".weight"), {d, d}, 100});  // their learning rate multiplier is 0.01
    out.push_back({join("style.", k, ".bias"), {d}, 10});
  }
  out.push_back({"latent_avg", {d}, 0.3});
  out.push_back({"input.input", {1, width(4), 4, 4}});
  convolution("conv1", width(4), 4);
  rgb("to_rgb1", 4);
  for (int k = 0, r = 8; r <= resolution; ++k, r *= 2) {
    convolution(join("convs.", 2 * k), width(r / 2), r);
    convolution(join("convs.", 2 * k + 1), width(r), r);
    rgb(join("to_rgbs.", k), r);
  }
  return out;
}

namespace detail {

inline void add_norm(OfficialModel& out, const std::string& name, std::int64_t width, bool batch = false) {
  out.push_back({name + ".weight", {width}, 0.1, 1});
  out.push_back({name + ".bias", {width}, 0.1});
  if (!batch) return;
  out.push_back({name + ".running_mean", {width}, 0.1});
  out.push_back({name + ".running_var", {width}, 0.1, 1, true});
}

inline double fan(std::int64_t in) { return 1 / std::sqrt(static_cast<double>(in)); }

inline void add_linear(OfficialModel& out, const std::string& name, std::int64_t to, std::int64_t from) {
  out.push_back({name + ".weight", {to, from}, fan(from)});
  out.push_back({name + ".bias", {to}, 0.01});
}

inline void add_transformer(OfficialModel& out, const std::string& name, std::int64_t width, int depth) {
  for (int i = 0; i < depth; ++i) {
    const auto p = join(name, ".resblocks.", i, ".");
    add_norm(out, p + "ln_1", width);
    add_norm(out, p + "ln_2", width);
    out.push_back({p + "attn.in_proj_weight", {3 * width, width}, fan(width)});
    out.push_back({p + "attn.in_proj_bias", {3 * width}, 0.01});
    add_linear(out, p + "attn.out_proj", width, width);
    add_linear(out, p + "mlp.c_fc", 4 * width, width);
    add_linear(out, p + "mlp.c_proj", width, 4 * width);
  }
}

}  // namespace detail

/// Lists the text tower and the tensors that all CLIPs share: 12 blocks, a context of 77 tokens, 49408 entries.
inline OfficialModel clip_text(std::int64_t width, std::int64_t features) {
  OfficialModel out;
  out.push_back({"token_embedding.weight", {49408, width}, 0.02});
  out.push_back({"positional_embedding", {77, width}, 0.01});
  detail::add_transformer(out, "transformer", width, 12);
  detail::add_norm(out, "ln_final", width);
  out.push_back({"text_projection", {width, features}, detail::fan(width)});
  out.push_back({"logit_scale", {}, 0, 4.6});
  return out;
}

struct VitSize {
  std::int64_t patch, width, features, text_width;
  int depth;
};

/// Lists the tensors of a CLIP with a vision transformer for 224 px.
inline OfficialModel clip_vit(const VitSize& size) {
  auto out = clip_text(size.text_width, size.features);
  const auto grid = 224 / size.patch;
  out.push_back({"visual.class_embedding", {size.width}, 0.03});
  out.push_back({"visual.positional_embedding", {grid * grid + 1, size.width}, 0.03});
  out.push_back({"visual.conv1.weight", {size.width, 3, size.patch, size.patch}, 0.02});
  detail::add_norm(out, "visual.ln_pre", size.width);
  detail::add_norm(out, "visual.ln_post", size.width);
  detail::add_transformer(out, "visual.transformer", size.width, size.depth);
  out.push_back({"visual.proj", {size.width, size.features}, detail::fan(size.width)});
  return out;
}

/// Lists the tensors of SigLIP base by the names of Hugging Face's SiglipModel: width 768, 12 blocks in each tower, a
/// context of 64 tokens.
inline OfficialModel siglip_base(std::int64_t patch, std::int64_t image_size, std::int64_t vocabulary) {
  constexpr std::int64_t width = 768;
  const auto grid = image_size / patch;
  OfficialModel out;
  const auto blocks = [&](const std::string& tower) {
    for (int k = 0; k < 12; ++k) {
      const auto p = join(tower, ".encoder.layers.", k, ".");
      detail::add_norm(out, p + "layer_norm1", width);
      detail::add_norm(out, p + "layer_norm2", width);
      for (const char* part : {"q_proj", "k_proj", "v_proj", "out_proj"})
        detail::add_linear(out, join(p, "self_attn.", part), width, width);
      detail::add_linear(out, p + "mlp.fc1", 4 * width, width);
      detail::add_linear(out, p + "mlp.fc2", width, 4 * width);
    }
  };
  out.push_back({"vision_model.embeddings.patch_embedding.weight", {width, 3, patch, patch}, 0.02});
  out.push_back({"vision_model.embeddings.patch_embedding.bias", {width}, 0.01});
  out.push_back({"vision_model.embeddings.position_embedding.weight", {grid * grid, width}, 0.03});
  blocks("vision_model");
  detail::add_norm(out, "vision_model.post_layernorm", width);
  out.push_back({"vision_model.head.probe", {1, 1, width}, 0.03});
  out.push_back({"vision_model.head.attention.in_proj_weight", {3 * width, width}, detail::fan(width)});
  out.push_back({"vision_model.head.attention.in_proj_bias", {3 * width}, 0.01});
  detail::add_linear(out, "vision_model.head.attention.out_proj", width, width);
  detail::add_norm(out, "vision_model.head.layernorm", width);
  detail::add_linear(out, "vision_model.head.mlp.fc1", 4 * width, width);
  detail::add_linear(out, "vision_model.head.mlp.fc2", width, 4 * width);
  out.push_back({"text_model.embeddings.token_embedding.weight", {vocabulary, width}, 0.02});
  out.push_back({"text_model.embeddings.position_embedding.weight", {64, width}, 0.01});
  blocks("text_model");
  detail::add_norm(out, "text_model.final_layer_norm", width);
  detail::add_linear(out, "text_model.head", width, width);
  out.push_back({"logit_scale", {1}, 0, 4.7});
  out.push_back({"logit_bias", {1}, 0, -12.9});
  return out;
}

struct ResNetSize {
  std::array<int, 4> depths;
  std::int64_t width, resolution, features, text_width;
};

/// Lists the tensors of a CLIP with a modified residual network.
inline OfficialModel clip_resnet(const ResNetSize& size) {
  auto out = clip_text(size.text_width, size.features);
  const auto convolution = [&](const std::string& conv, const std::string& norm, std::int64_t to, std::int64_t from,
                               std::int64_t k) {
    out.push_back({conv + ".weight", {to, from, k, k}, detail::fan(from * k * k)});
    detail::add_norm(out, norm, to, /*batch=*/true);
  };
  convolution("visual.conv1", "visual.bn1", size.width / 2, 3, 3);
  convolution("visual.conv2", "visual.bn2", size.width / 2, size.width / 2, 3);
  convolution("visual.conv3", "visual.bn3", size.width, size.width / 2, 3);
  auto in = size.width;
  for (int layer = 1; layer <= 4; ++layer) {
    const auto planes = size.width << (layer - 1);
    for (int b = 0; b < size.depths[static_cast<std::size_t>(layer - 1)]; ++b) {
      const auto p = join("visual.layer", layer, ".", b, ".");
      convolution(p + "conv1", p + "bn1", planes, in, 1);
      convolution(p + "conv2", p + "bn2", planes, planes, 3);
      convolution(p + "conv3", p + "bn3", 4 * planes, planes, 1);
      if (b == 0) convolution(p + "downsample.0", p + "downsample.1", 4 * planes, in, 1);
      in = 4 * planes;
    }
  }
  const auto grid = size.resolution / 32;
  const std::string p = "visual.attnpool.";
  out.push_back({p + "positional_embedding", {grid * grid + 1, in}, detail::fan(in)});
  for (const char* which : {"q_proj", "k_proj", "v_proj"}) detail::add_linear(out, p + which, in, in);
  detail::add_linear(out, p + "c_proj", size.features, in);
  return out;
}

/// Lists the tensors of the model called `stylegan2-RESOLUTION`, or by the stem of OpenAI's file.
inline OfficialModel official_model(std::string_view name) {
  for (int resolution = 8; resolution <= 1024; resolution *= 2)
    if (name == join("stylegan2-", resolution)) return config_f(resolution);
  if (name == "ViT-B-32") return clip_vit({32, 768, 512, 512, 12});
  if (name == "ViT-B-16") return clip_vit({16, 768, 512, 512, 12});
  if (name == "ViT-L-14") return clip_vit({14, 1024, 768, 768, 24});
  if (name == "siglip-base-patch16-256") return siglip_base(16, 256, 32000);
  if (name == "RN50") return clip_resnet({{3, 4, 6, 3}, 64, 224, 1024, 512});
  if (name == "RN101") return clip_resnet({{3, 4, 23, 3}, 64, 224, 512, 512});
  if (name == "RN50x4") return clip_resnet({{4, 6, 10, 6}, 80, 288, 640, 640});
  if (name == "RN50x16") return clip_resnet({{6, 8, 18, 8}, 96, 384, 768, 768});
  fail("there is no official model '", name,
       "'; expected stylegan2-8 to -1024, ViT-B-32, ViT-B-16, ViT-L-14, siglip-base-patch16-256, RN50, RN101, RN50x4 "
       "or RN50x16");
}

/// Returns how many numbers the tensors hold whose names satisfy `counts(name)`.
template <class Counts>
std::int64_t count_numbers(const OfficialModel& model, Counts&& counts) {
  std::int64_t out = 0;
  for (const auto& tensor : model)
    if (counts(tensor.name)) out += tensor.count();
  return out;
}

}  // namespace nada::test
