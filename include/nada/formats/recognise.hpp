/// What a model file is, told by its content.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

/// format_version is the `nada.format` that this version writes; a higher number is refused.
constexpr std::string_view format_version = "1";

enum class FileKind {
  generator,              // native StyleGAN2
  rosinality_generator,   // StyleGAN2 with the names of rosinality/stylegan2-pytorch
  nvidia_generator,       // StyleGAN2 with the names of NVlabs/stylegan2-ada-pytorch
  stylegan3_generator,    // StyleGAN3 with NVIDIA's names
  native_stylegan3,       // native StyleGAN3
  identity_network,       // ArcFace's IR-SE 50
  gradual_style_encoder,  // e4e or pSp: pictures to w+
  restyle_encoder,        // ReStyle: a picture and what its styles show to better styles
  inception_network,      // Inception-v3 of FID
  lpips_network,          // LPIPS with VGG16, or its learned weights alone
  edge_network,           // HED
  discriminator,          // StyleGAN2's discriminator, with any names
  encoder,                // native CLIP: OpenAI's names, with its settings and vocabulary in the metadata
  openai_encoder,         // OpenAI's names alone
  huggingface_encoder,    // names of Hugging Face's CLIPModel
  openclip_encoder,       // OpenCLIP's names with the text tower under "text."
  siglip_encoder,         // names of Hugging Face's SiglipModel
  delta,                  // leaves of an adapted generator
  preset,                 // a delta with its prompts, options and sample picture
  state,                  // state of a run, to resume the run
  codes,                  // w+ codes
  classifier,             // classifier of a picture's attributes
  inverter,               // style encoder of a generator: from a picture to its styles
  direction,              // direction of an edit, in W, W+ or style space
  channel_statistics,     // style channels of a generator as encoders see them
  unknown
};

/// Returns the kind with its article, for messages.
constexpr std::string_view name_of(FileKind kind) {
  switch (kind) {
    case FileKind::generator:
      return "a StyleGAN2 generator";
    case FileKind::rosinality_generator:
      return "a StyleGAN2 generator with rosinality's names";
    case FileKind::nvidia_generator:
      return "a StyleGAN2 generator with NVIDIA's names";
    case FileKind::stylegan3_generator:
      return "a StyleGAN3 generator with NVIDIA's names";
    case FileKind::native_stylegan3:
      return "a StyleGAN3 generator";
    case FileKind::identity_network:
      return "an ArcFace network";
    case FileKind::gradual_style_encoder:
      return "an encoder of pictures to styles (e4e or pSp)";
    case FileKind::restyle_encoder:
      return "an encoder of ReStyle";
    case FileKind::inception_network:
      return "an Inception-v3 network";
    case FileKind::lpips_network:
      return "an LPIPS network";
    case FileKind::edge_network:
      return "an HED edge network";
    case FileKind::discriminator:
      return "a StyleGAN2 discriminator";
    case FileKind::encoder:
      return "a CLIP encoder";
    case FileKind::openai_encoder:
      return "a CLIP encoder with OpenAI's names";
    case FileKind::huggingface_encoder:
      return "a CLIP encoder with Hugging Face's names";
    case FileKind::openclip_encoder:
      return "a CLIP encoder with OpenCLIP's names";
    case FileKind::siglip_encoder:
      return "a SigLIP encoder with Hugging Face's names";
    case FileKind::delta:
      return "a delta of an adapted generator";
    case FileKind::preset:
      return "a preset";
    case FileKind::state:
      return "the state of a run";
    case FileKind::codes:
      return "w+ codes";
    case FileKind::classifier:
      return "an attribute classifier";
    case FileKind::inverter:
      return "an inverter of a generator";
    case FileKind::direction:
      return "a direction of an edit";
    case FileKind::channel_statistics:
      return "the channel statistics of a generator";
    case FileKind::unknown:
      break;
  }
  return "no model file that is known here";
}

constexpr bool is_stylegan2(FileKind kind) {
  return kind == FileKind::generator || kind == FileKind::rosinality_generator || kind == FileKind::nvidia_generator;
}
constexpr bool is_stylegan3(FileKind kind) {
  return kind == FileKind::stylegan3_generator || kind == FileKind::native_stylegan3;
}
constexpr bool is_generator(FileKind kind) { return is_stylegan2(kind) || is_stylegan3(kind); }
constexpr bool is_delta(FileKind kind) { return kind == FileKind::delta || kind == FileKind::preset; }
constexpr bool is_encoder(FileKind kind) {
  return kind == FileKind::encoder || kind == FileKind::openai_encoder || kind == FileKind::huggingface_encoder ||
         kind == FileKind::openclip_encoder || kind == FileKind::siglip_encoder;
}

/// Returns the metadata's value for `key`, or `otherwise`.
std::string value_or(const Metadata& metadata, const std::string& key, std::string otherwise = "");

/// Returns the kind that a native file names in its metadata, or nothing for a file that is not native.
/// Errors:  a native file of a newer format.
std::optional<FileKind> recognise(const Metadata& metadata, const std::filesystem::path& path);

/// The names by which recognise_names() tells files apart, one a kind of file.
inline constexpr std::string_view telling_names[] = {
    "input.input",     "synthesis.b4.const",          "synthesis.input.freqs",
    "text_projection", "text.token_embedding.weight", "text_model.embeddings.token_embedding.weight"};

/// Returns the kind that the tensors' names tell; `has(name)` says whether there is a tensor of that name.
template <class Has>
FileKind recognise_names(Has&& has) {
  if (has("conv1.conv.weight") && has("input.input")) return FileKind::rosinality_generator;
  if (has("synthesis.b4.const")) return FileKind::nvidia_generator;
  if (has("synthesis.input.freqs")) return FileKind::stylegan3_generator;
  if (has("encoder.input_layer.0.weight") && has("encoder.latlayer1.weight")) return FileKind::gradual_style_encoder;
  if (has("encoder.styles.0.linear.weight") && (has("encoder.input_layer.0.weight") || has("encoder.conv1.weight")))
    return FileKind::restyle_encoder;
  if (has("input_layer.0.weight") && has("output_layer.3.weight")) return FileKind::identity_network;
  if (has("Conv2d_1a_3x3.conv.weight") && has("Mixed_7c.branch_pool.conv.weight")) return FileKind::inception_network;
  if (has("lin0.model.1.weight") && has("lin4.model.1.weight")) return FileKind::lpips_network;
  if ((has("netScoreOne.weight") && has("netCombine.0.weight")) ||
      (has("moduleScoreOne.weight") && has("moduleCombine.0.weight")))
    return FileKind::edge_network;
  if (has("final_linear.0.weight") || has("b4.out.weight")) return FileKind::discriminator;
  if (has("text_projection") && has("token_embedding.weight")) return FileKind::openai_encoder;
  if (has("text.token_embedding.weight")) return FileKind::openclip_encoder;
  if (has("text_model.embeddings.token_embedding.weight"))
    return has("vision_model.head.probe") ? FileKind::siglip_encoder : FileKind::huggingface_encoder;
  return FileKind::unknown;
}

/// Returns the kind that metadata or names tell.
/// Errors:  a native file of a newer format.
FileKind recognise(const Safetensors& file);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/recognise.ipp"
#endif
