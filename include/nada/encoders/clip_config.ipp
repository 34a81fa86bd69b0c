// Bodies of clip_config.hpp.
#pragma once
#include "nada/encoders/clip_config.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/config_part.hpp"
#include "nada/encoders/siglip_config.hpp"

namespace nada::detail {

NADA_INLINE ClipConfig::ClipConfig(std::filesystem::path path)
    : path_(std::move(path)),
      json_(std::make_unique<const Json>(json_object_in(path_, "the configuration of a CLIP"))) {}

NADA_INLINE ClipConfig::~ClipConfig() = default;

NADA_INLINE ClipDepths ClipConfig::read(ClipSettings& settings) const {
  if (json_->value("model_type", Json()) == "siglip") return read_siglip_config(path_, *json_, settings);
  for (const auto* key : {"vision_config", "vision_config_dict", "text_config", "text_config_dict"})
    if (json_->contains(key)) return read_huggingface(settings);
  return read_openclip(settings);
}

NADA_INLINE nlohmann::json ClipConfig::tower(const std::string& key) const {
  const auto object = [&](const std::string& name) {
    const auto found = json_->find(name);
    if (found == json_->end() || found->is_null()) return Json(nullptr);
    require(found->is_object(), path_, ": ", name, " is ", found->dump(), ", expected an object");
    return *found;
  };
  auto out = object(key);
  if (out.is_null()) out = Json::object();
  // Hugging Face fills what the _dict leaves out with its own defaults, which then count.
  if (const auto last = object(key + "_dict"); !last.is_null()) {
    for (const auto* name : {"num_attention_heads", "hidden_act", "layer_norm_eps", "num_hidden_layers"})
      out.erase(name);
    out.update(last);
  }
  return out;
}

NADA_INLINE ClipDepths ClipConfig::read_huggingface(ClipSettings& settings) const {
  ClipDepths depths;
  if (const auto type = json_->value("model_type", Json("clip")); type != "clip")
    fail(path_, ": model_type is ", type.dump(), ", expected \"clip\" or \"siglip\"");
  Json activations[2];
  for (const bool vision : {true, false}) {
    const std::string key = vision ? "vision_config" : "text_config";
    ConfigPart part(path_, key + ".", tower(key));
    (vision ? settings.image_heads : settings.text_heads) = part.number("num_attention_heads", vision ? 12 : 8);
    (vision ? depths.image : depths.text) = part.number("num_hidden_layers", 12);
    auto& activation = activations[vision ? 0 : 1] = part.take("hidden_act");
    if (activation.is_null()) activation = "quick_gelu";
    require(activation == "quick_gelu" || activation == "gelu", path_, ": ", key, ".hidden_act is ", activation.dump(),
            ", expected quick_gelu or gelu");
    part.only("layer_norm_eps", 1e-5);
    part.only("model_type", vision ? "clip_vision_model" : "clip_text_model");
    part.only("num_channels", 3);
    part.only("is_decoder", false);
    for (const auto* name : {"pruned_heads", "add_cross_attention", "cross_attention_hidden_size"}) part.nothing(name);
    part.idle(huggingface_sizes);
    part.idle(huggingface_idle);
    part.finish();
  }
  require(activations[0] == activations[1], path_, ": text_config.hidden_act is ", activations[1].dump(),
          " and vision_config.hidden_act is ", activations[0].dump(), ", expected one activation for both towers");
  settings.gelu = activations[0] == "gelu" ? Gelu::erf : Gelu::quick;
  ConfigPart rest(path_, "", *json_);
  for (const auto* key : {"vision_config", "vision_config_dict", "text_config", "text_config_dict", "model_type",
                          "logit_scale_init_value"})
    rest.take(key);
  for (const auto* name : {"pruned_heads", "add_cross_attention", "cross_attention_hidden_size", "is_decoder"})
    rest.nothing(name);
  rest.idle(huggingface_sizes);
  rest.idle(huggingface_idle);
  rest.finish();
  return depths;
}

/// Takes what OpenCLIP's two towers have in common.
NADA_INLINE void take_openclip_tower(ConfigPart& part) {
  for (const auto* key : {"ls_init_value", "act_kwargs", "norm_kwargs", "final_ln_after_pool", "block_type", "qk_norm",
                          "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"})
    part.nothing(key);
}

/// Reads OpenCLIP's preprocess_cfg.
NADA_INLINE void read_openclip_images(const std::filesystem::path& path, nlohmann::json json,
                                      Preprocessing& preprocessing) {
  ConfigPart images(path, "preprocess_cfg.", std::move(json));
  read_three(images.take("mean"), path, "mean", preprocessing.mean);
  read_three(images.take("std"), path, "std", preprocessing.deviation);
  require_deviation(preprocessing.deviation, path, "std");
  images.only("interpolation", "bicubic");
  images.only("resize_mode", "shortest");
  images.only("mode", "RGB");
  for (const auto* key : {"size", "fill_color"}) images.take(key);
  images.finish();
}

NADA_INLINE ClipDepths ClipConfig::read_openclip(ClipSettings& settings) const {
  ClipDepths depths;
  const bool nested = json_->contains("model_cfg");
  const auto model = nested ? json_->at("model_cfg") : *json_;
  const auto object = [&](const Json& in, const char* key) {
    if (!in.is_object() || !in.contains(key)) return Json::object();
    require(in[key].is_object(), path_, ": ", key, " is ", in[key].dump(), ", expected an object");
    return in[key];
  };
  if (has_timm_tower(model)) return read_openclip_siglip(path_, model, object(*json_, "preprocess_cfg"), settings);
  ConfigPart whole(path_, nested ? "model_cfg." : "", model.is_object() ? model : Json::object());
  const auto quick = whole.take("quick_gelu");
  settings.gelu = quick == true ? Gelu::quick : Gelu::erf;
  ConfigPart text(path_, "text_cfg.", object(model, "text_cfg")),
      vision(path_, "vision_cfg.", object(model, "vision_cfg"));
  settings.text_heads = text.number("heads", 8);
  depths.text = text.number("layers", 12);
  const auto width = object(model, "vision_cfg").value("width", Json(768));
  const auto layers = vision.take("layers");  // a list for residual networks
  const bool transformer = !layers.is_array();
  require(layers.is_null() || layers.is_array() || layers.is_number_integer(), path_, ": vision_cfg.layers is ",
          layers.dump(), ", expected a number or a list");
  if (transformer) depths.image = layers.is_null() ? 12 : layers.get<std::int64_t>();
  const auto head_width = vision.number("head_width", 64);
  require(width.is_number_integer(), path_, ": vision_cfg.width is ", width.dump(), ", expected a number");
  settings.image_heads = std::max<std::int64_t>(1, width.get<std::int64_t>() * (transformer ? 1 : 32) / head_width);

  take_openclip_tower(text);
  text.only("pool_type", "argmax");
  text.only("proj_type", "linear");
  for (const auto* key :
       {"no_causal_mask", "embed_cls", "proj_bias", "hf_model_name", "hf_tokenizer_name", "hf_proj_type",
        "hf_pooler_type", "hf_model_pretrained", "use_flex_attention", "correct_cls_mask"})
    text.nothing(key);
  for (const auto* key : {"pad_id", "eos_id", "bos_id"}) text.take(key);  // texts are read at their largest id
  text.idle(openclip_text_sizes);
  text.finish();

  take_openclip_tower(vision);
  vision.only("pool_type", "tok");
  vision.only("pos_embed_type", "learnable");
  for (const auto* key : {"attentional_pool", "no_ln_pre", "timm_model_name", "input_patchnorm", "global_average_pool"})
    vision.nothing(key);
  for (const auto* key : {"attn_pooler_queries", "attn_pooler_heads", "timm_model_pretrained", "timm_pool", "timm_proj",
                          "timm_proj_bias", "timm_drop", "timm_drop_path"})
    vision.take(key);  // of an attentional pool or a timm model, which are refused above
  vision.idle(openclip_vision_sizes);
  vision.finish();

  for (const auto* key : {"text_cfg", "vision_cfg", "embed_dim", "custom_text", "init_logit_scale", "preprocess_cfg"})
    whole.take(key);
  for (const auto* key : {"multimodal_cfg", "init_logit_bias", "nonscalar_logit_scale"}) whole.nothing(key);
  whole.finish();

  read_openclip_images(path_, object(*json_, "preprocess_cfg"), settings.preprocessing);
  return depths;
}

NADA_INLINE void read_image_config(const std::filesystem::path& path, Preprocessing& preprocessing) {
  ConfigPart part(path, "", json_object_in(path, "the preprocessing of a CLIP"));
  const auto normalizes = part.take("do_normalize");
  if (normalizes == false) {
    preprocessing.mean = {0, 0, 0};
    preprocessing.deviation = {1, 1, 1};
  } else {
    read_three(part.take("image_mean"), path, "image_mean", preprocessing.mean);
    read_three(part.take("image_std"), path, "image_std", preprocessing.deviation);
    require_deviation(preprocessing.deviation, path, "image_std");
  }
  part.only("resample", 3);  // bicubic
  part.only("rescale_factor", 1.0 / 255);
  for (const auto* key : {"do_resize", "do_rescale", "do_center_crop"}) part.only(key, true);
}

NADA_INLINE void require_depths(const TensorMap& tensors, const ClipDepths& depths, const std::string& what) {
  const auto check = [&](std::int64_t told, const char* tower, std::initializer_list<const char*> prefixes) {
    std::int64_t found = 0;
    for (const std::string prefix : prefixes)
      for (std::int64_t k = 0;
           tensors.count(join(prefix, k, ".ln_1.weight")) || tensors.count(join(prefix, k, ".layer_norm1.weight")); ++k)
        found = k + 1;
    require(told == 0 || found == 0 || told == found, what, ": has ", found, " blocks in its ", tower,
            " tower, and the configuration beside it tells ", told);
  };
  check(depths.image, "image", {"visual.transformer.resblocks.", "vision_model.encoder.layers."});
  check(depths.text, "text", {"transformer.resblocks.", "text.transformer.resblocks.", "text_model.encoder.layers."});
}

}  // namespace nada::detail
