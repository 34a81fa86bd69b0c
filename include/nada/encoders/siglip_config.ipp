// Bodies of siglip_config.hpp.
#pragma once
#include "nada/encoders/siglip_config.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/config_part.hpp"
#include "nada/encoders/piece_tokenizer.hpp"
#include "nada/encoders/transformer.hpp"

namespace nada::detail {

/// TimmTower is what timm's name of a SigLIP tower says beyond the tensors.
struct TimmTower {
  std::string_view name;
  std::int64_t heads;
  Gelu gelu;
};
inline constexpr TimmTower timm_siglips[] = {
    {"vit_base_patch16_siglip_224", 12, Gelu::erf},      {"vit_base_patch16_siglip_256", 12, Gelu::erf},
    {"vit_base_patch16_siglip_384", 12, Gelu::erf},      {"vit_base_patch16_siglip_512", 12, Gelu::erf},
    {"vit_base_patch32_siglip_256", 12, Gelu::tanh},     {"vit_large_patch16_siglip_256", 16, Gelu::erf},
    {"vit_large_patch16_siglip_384", 16, Gelu::erf},     {"vit_large_patch16_siglip_512", 16, Gelu::tanh},
    {"vit_so400m_patch14_siglip_224", 16, Gelu::erf},    {"vit_so400m_patch14_siglip_378", 16, Gelu::erf},
    {"vit_so400m_patch14_siglip_384", 16, Gelu::erf},    {"vit_so400m_patch16_siglip_256", 16, Gelu::tanh},
    {"vit_so400m_patch16_siglip_384", 16, Gelu::tanh},   {"vit_so400m_patch16_siglip_512", 16, Gelu::tanh},
    {"vit_giantopt_patch16_siglip_256", 16, Gelu::tanh}, {"vit_giantopt_patch16_siglip_384", 16, Gelu::tanh},
};

NADA_INLINE Preprocessing siglip_preprocessing() {
  Preprocessing out;
  out.mean = out.deviation = {0.5, 0.5, 0.5};
  out.fit = Fit::squash;
  return out;
}

/// Starts the settings of a SigLIP.
NADA_INLINE void start_siglip(ClipSettings& settings) {
  settings.siglip.emplace();
  settings.preprocessing = siglip_preprocessing();
  settings.gelu = Gelu::tanh;
}

NADA_INLINE Gelu siglip_activation(const std::filesystem::path& path, const std::string& name,
                                   const nlohmann::json& value) {
  if (value.is_null() || value == "gelu_pytorch_tanh") return Gelu::tanh;
  if (value == "gelu") return Gelu::erf;
  if (value == "quick_gelu") return Gelu::quick;
  fail(path, ": ", name, "hidden_act is ", value.dump(), ", expected gelu_pytorch_tanh, gelu or quick_gelu");
}

NADA_INLINE ClipDepths read_siglip_config(const std::filesystem::path& path, const nlohmann::json& json,
                                          ClipSettings& settings) {
  using Json = nlohmann::json;
  start_siglip(settings);
  ClipDepths depths;
  for (const bool vision : {true, false}) {
    const std::string key = vision ? "vision_config" : "text_config";
    const auto object = json.value(key, Json());
    require(object.is_null() || object.is_object(), path, ": ", key, " is ", object.dump(), ", expected an object");
    ConfigPart part(path, key + ".", object.is_null() ? Json::object() : object);
    (vision ? settings.image_heads : settings.text_heads) = part.number("num_attention_heads", 12);
    (vision ? depths.image : depths.text) = part.number("num_hidden_layers", 12);
    (vision ? settings.gelu : settings.siglip->text_gelu) = siglip_activation(path, key + ".", part.take("hidden_act"));
    if (vision) settings.siglip->image_size = part.number("image_size", 224);
    part.only("layer_norm_eps", 1e-6);
    part.only("model_type", vision ? "siglip_vision_model" : "siglip_text_model");
    part.only("num_channels", 3);
    part.only("vision_use_head", true);
    part.only("is_decoder", false);
    for (const auto* name : {"pruned_heads", "add_cross_attention", "cross_attention_hidden_size"}) part.nothing(name);
    part.take("projection_size");  // the tensors say it
    part.idle(huggingface_sizes);
    part.idle(huggingface_idle);
    part.finish();
  }
  ConfigPart rest(path, "", json);
  for (const auto* key : {"vision_config", "text_config", "model_type"}) rest.take(key);
  for (const auto* name : {"pruned_heads", "add_cross_attention", "cross_attention_hidden_size", "is_decoder"})
    rest.nothing(name);
  rest.idle(huggingface_sizes);
  rest.idle(huggingface_idle);
  rest.finish();
  return depths;
}

NADA_INLINE bool has_timm_tower(const nlohmann::json& model) {
  if (!model.is_object() || !model.contains("vision_cfg") || !model["vision_cfg"].is_object()) return false;
  return !model["vision_cfg"].value("timm_model_name", nlohmann::json()).is_null();
}

/// Reads the image tower of OpenCLIP's configuration.
NADA_INLINE void read_timm_tower(ConfigPart& vision, const std::filesystem::path& path, ClipSettings& settings) {
  const auto name = vision.take("timm_model_name");
  const auto known = std::ranges::find_if(timm_siglips, [&](const auto& one) { return name == one.name; });
  require(known != std::end(timm_siglips), path, ": vision_cfg.timm_model_name is ", name.dump(),
          ", expected SigLIP's, such as vit_base_patch16_siglip_256, which are all of timm's that are computed here");
  settings.image_heads = known->heads;
  settings.gelu = known->gelu;
  settings.siglip->image_size = vision.number("image_size", 224);
  const auto pool = vision.take("timm_pool"), projection = vision.take("timm_proj");
  require(pool == "map", path, ": vision_cfg.timm_pool is ", pool.dump(), ", expected \"map\" of SigLIP");
  require(projection == "none" || projection == "", path, ": vision_cfg.timm_proj is ", projection.dump(),
          ", expected \"none\" of SigLIP");
  for (const auto* key : {"attentional_pool", "no_ln_pre", "input_patchnorm", "global_average_pool", "timm_proj_bias"})
    vision.nothing(key);
  for (const auto* key : {"layers", "head_width", "timm_model_pretrained", "timm_drop", "timm_drop_path", "pool_type"})
    vision.take(key);  // a name of timm's overrides the sizes; the others mean something in training
  vision.idle(openclip_vision_sizes);
  vision.finish();
}

/// Reads the text tower of OpenCLIP's configuration.
NADA_INLINE void read_siglip_text(ConfigPart& text, const std::filesystem::path& path, ClipSettings& settings) {
  settings.text_heads = text.number("heads", 8);
  const auto must = [&](const char* key, const nlohmann::json& expected) {
    const auto value = text.take(key);
    require(value == expected, path, ": text_cfg.", key, " is ", value.dump(), ", expected ", expected.dump(),
            " of SigLIP");
  };
  must("no_causal_mask", true);
  must("proj_bias", true);
  must("pool_type", "last");
  must("norm_kwargs", {{"eps", 1e-6}});
  text.only("proj_type", "linear");
  const auto activation = text.take("act_kwargs");
  const bool tanh = activation == nlohmann::json{{"approximate", "tanh"}};
  require(tanh || activation.is_null() || (activation.is_object() && activation.empty()), path,
          ": text_cfg.act_kwargs is ", activation.dump(), ", expected {\"approximate\":\"tanh\"} or nothing");
  settings.siglip->text_gelu = tanh ? Gelu::tanh : Gelu::erf;
  const auto cleaning = text.take("tokenizer_kwargs");
  require(cleaning == nlohmann::json{{"clean", "canonicalize"}}, path, ": text_cfg.tokenizer_kwargs is ",
          cleaning.dump(), ", expected {\"clean\":\"canonicalize\"}, which is all that is honoured");
  settings.siglip->cleaning = PieceCleaning::openclip;
  for (const auto* key :
       {"embed_cls", "hf_model_name", "hf_proj_type", "hf_pooler_type", "hf_model_pretrained", "use_flex_attention",
        "correct_cls_mask", "ls_init_value", "final_ln_after_pool", "block_type", "qk_norm", "scaled_cosine_attn",
        "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"})
    text.nothing(key);
  // The vocabulary lies in the folder; a text is read at its last token.
  for (const auto* key : {"hf_tokenizer_name", "pad_id", "eos_id", "bos_id"}) text.take(key);
  text.idle(openclip_text_sizes);
  text.finish();
}

NADA_INLINE void read_siglip_images(ConfigPart& images, const std::filesystem::path& path,
                                    Preprocessing& preprocessing) {
  const Preprocessing clip;  // OpenCLIP's defaults
  preprocessing.mean = clip.mean;
  preprocessing.deviation = clip.deviation;
  read_three(images.take("mean"), path, "mean", preprocessing.mean);
  read_three(images.take("std"), path, "std", preprocessing.deviation);
  require_deviation(preprocessing.deviation, path, "std");
  const auto filter = images.take("interpolation"), fit = images.take("resize_mode");
  require(filter.is_null() || filter == "bicubic" || filter == "bilinear", path, ": preprocess_cfg.interpolation is ",
          filter.dump(), ", expected bicubic or bilinear");
  require(fit.is_null() || fit == "squash" || fit == "shortest", path, ": preprocess_cfg.resize_mode is ", fit.dump(),
          ", expected squash or shortest");
  preprocessing.filter = filter == "bilinear" ? ResizeFilter::bilinear : ResizeFilter::bicubic;
  preprocessing.fit = fit == "squash" ? Fit::squash : Fit::crop;
  images.only("mode", "RGB");
  for (const auto* key : {"size", "fill_color"}) images.take(key);
  images.finish();
}

NADA_INLINE ClipDepths read_openclip_siglip(const std::filesystem::path& path, const nlohmann::json& model,
                                            const nlohmann::json& images, ClipSettings& settings) {
  using Json = nlohmann::json;
  start_siglip(settings);
  const auto object = [&](const char* key) {
    const auto value = model.value(key, Json());
    require(value.is_null() || value.is_object(), path, ": ", key, " is ", value.dump(), ", expected an object");
    return value.is_null() ? Json::object() : value;
  };
  ConfigPart vision(path, "vision_cfg.", object("vision_cfg")), text(path, "text_cfg.", object("text_cfg"));
  ClipDepths depths;
  depths.text = text.number("layers", 12);
  read_timm_tower(vision, path, settings);
  read_siglip_text(text, path, settings);
  ConfigPart whole(path, "model_cfg.", model);
  for (const auto* key : {"text_cfg", "vision_cfg", "embed_dim", "custom_text", "init_logit_scale", "init_logit_bias",
                          "nonscalar_logit_scale", "preprocess_cfg"})
    whole.take(key);
  for (const auto* key : {"multimodal_cfg", "quick_gelu"}) whole.nothing(key);
  whole.finish();
  ConfigPart prepared(path, "preprocess_cfg.", images);
  read_siglip_images(prepared, path, settings.preprocessing);
  return depths;
}

NADA_INLINE void read_siglip_image_config(const std::filesystem::path& path, ClipSettings& settings) {
  ConfigPart part(path, "", json_object_in(path, "the preprocessing of a SigLIP"));
  auto& preprocessing = settings.preprocessing;
  if (part.take("do_normalize") == false) {
    preprocessing.mean = {0, 0, 0};
    preprocessing.deviation = {1, 1, 1};
  } else {
    read_three(part.take("image_mean"), path, "image_mean", preprocessing.mean);
    read_three(part.take("image_std"), path, "image_std", preprocessing.deviation);
    require_deviation(preprocessing.deviation, path, "image_std");
  }
  const auto filter = part.take("resample");
  require(filter.is_null() || filter == 3 || filter == 2, path, ": resample is ", filter.dump(),
          ", expected 2 (bilinear) or 3 (bicubic)");
  preprocessing.filter = filter == 2 ? ResizeFilter::bilinear : ResizeFilter::bicubic;
  part.only("rescale_factor", 1.0 / 255);
  for (const auto* key : {"do_resize", "do_rescale"}) part.only(key, true);
  part.nothing("do_center_crop");
  const auto size = part.take("size");
  const auto edge = settings.siglip ? settings.siglip->image_size : 0;
  const auto fits = [&](const char* key) { return size.value(key, nlohmann::json()) == edge; };
  require(size.is_null() || edge == 0 || (size.is_object() && fits("height") && fits("width")), path, ": size is ",
          size.dump(), ", expected height and width of ", edge, ", the images that the encoder sees");
}

}  // namespace nada::detail
