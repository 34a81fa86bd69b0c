// Random weights of the official sizes: the cost of the arithmetic does not depend on the values of weights.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/stylegan2.hpp"
#include "random_stylegan2.hpp"

namespace nada::test {

/// Returns StyleGAN2 config-f at 256 px with channel multiplier 2: 512 channels up to 32 px, then half
/// with each doubling.
inline StyleGan2 config_f_256() {
  SmallStyleGan2 size;
  size.widths = {512, 512, 512, 512, 512, 256, 128};  // 4 to 256 px
  size.latent = size.style = 512;
  size.depth = 8;
  size.type = torch::kFloat32;
  return small_stylegan2(size);
}

/// Returns CLIP ViT-B/32: 224 px, width 768, 12 blocks, embedding 512; text width 512, 12 blocks, context 77,
/// a small vocabulary.
inline AnyClip vit_b_32() {
  TensorMap tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, double scale) {
    tensors[name] = Stream{tensors.size(), 0}.normal(Purpose::evaluation, shape) * scale;
  };
  const auto norm = [&](const std::string& name, std::int64_t width) {
    tensors[name + ".weight"] = torch::ones({width});
    tensors[name + ".bias"] = torch::zeros({width});
  };
  const auto transformer = [&](const std::string& name, std::int64_t width) {
    const double scale = 1 / std::sqrt(static_cast<double>(width));
    for (int i = 0; i < 12; ++i) {
      const auto p = join(name, ".resblocks.", i, ".");
      norm(p + "ln_1", width);
      norm(p + "ln_2", width);
      add(p + "attn.in_proj_weight", {3 * width, width}, scale);
      add(p + "attn.in_proj_bias", {3 * width}, 0.01);
      add(p + "attn.out_proj.weight", {width, width}, scale);
      add(p + "attn.out_proj.bias", {width}, 0.01);
      add(p + "mlp.c_fc.weight", {4 * width, width}, scale);
      add(p + "mlp.c_fc.bias", {4 * width}, 0.01);
      add(p + "mlp.c_proj.weight", {width, 4 * width}, scale / 2);
      add(p + "mlp.c_proj.bias", {width}, 0.01);
    }
  };
  add("visual.class_embedding", {768}, 0.1);
  add("visual.conv1.weight", {768, 3, 32, 32}, 0.02);
  add("visual.positional_embedding", {50, 768}, 0.1);
  norm("visual.ln_pre", 768);
  norm("visual.ln_post", 768);
  transformer("visual.transformer", 768);
  add("visual.proj", {768, 512}, 0.04);
  add("token_embedding.weight", {1000, 512}, 0.1);
  add("positional_embedding", {77, 512}, 0.1);
  transformer("transformer", 512);
  norm("ln_final", 512);
  add("text_projection", {512, 512}, 0.04);
  tensors["logit_scale"] = torch::tensor(4.6);
  return make_clip(tensors, "random ViT-B/32", {});
}

}  // namespace nada::test
