/// What a model file is, told by its content.
#pragma once
#include <string>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

/// The `nada.format` that this version writes; a higher one is refused.
constexpr std::string_view format_version = "1";

enum class FileKind {
  generator,             // native StyleGAN2
  rosinality_generator,  // StyleGAN2 with the names of rosinality/stylegan2-pytorch
  encoder,               // native CLIP: OpenAI's names, with its settings and vocabulary in the metadata
  openai_encoder,        // OpenAI's names alone
  huggingface_encoder,   // names of Hugging Face's CLIPModel
  delta,                 // leaves of an adapted generator
  state,                 // of a run, to resume it
  codes,                 // w+ codes
  unknown
};

/// With its article, for messages.
constexpr std::string_view name_of(FileKind kind) {
  switch (kind) {
    case FileKind::generator:
      return "a StyleGAN2 generator";
    case FileKind::rosinality_generator:
      return "a StyleGAN2 generator with rosinality's names";
    case FileKind::encoder:
      return "a CLIP encoder";
    case FileKind::openai_encoder:
      return "a CLIP encoder with OpenAI's names";
    case FileKind::huggingface_encoder:
      return "a CLIP encoder with Hugging Face's names";
    case FileKind::delta:
      return "a delta of an adapted generator";
    case FileKind::state:
      return "the state of a run";
    case FileKind::codes:
      return "w+ codes";
    case FileKind::unknown:
      break;
  }
  return "no model file that is known here";
}

constexpr bool is_generator(FileKind kind) {
  return kind == FileKind::generator || kind == FileKind::rosinality_generator;
}
constexpr bool is_encoder(FileKind kind) {
  return kind == FileKind::encoder || kind == FileKind::openai_encoder || kind == FileKind::huggingface_encoder;
}

/// Metadata entry or `otherwise`.
inline std::string value_or(const Metadata& metadata, const std::string& key, std::string otherwise = "") {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::move(otherwise) : found->second;
}

/// Errors: a native file of a newer format.
inline FileKind recognise(const Safetensors& file) {
  const auto& metadata = file.metadata();
  if (const auto kind = value_or(metadata, "nada.kind"); !kind.empty()) {
    const auto version = value_or(metadata, "nada.format");
    require(version == format_version, file.path(), ": format ", version.empty() ? "unknown" : version,
            ", this version reads ", format_version);
    if (kind == "generator") return FileKind::generator;
    if (kind == "encoder") return FileKind::encoder;
    if (kind == "delta") return FileKind::delta;
    if (kind == "state") return FileKind::state;
    if (kind == "codes") return FileKind::codes;
    return FileKind::unknown;
  }
  if (file.find("conv1.conv.weight") && file.find("input.input")) return FileKind::rosinality_generator;
  if (file.find("text_projection") && file.find("token_embedding.weight")) return FileKind::openai_encoder;
  if (file.find("text_model.embeddings.token_embedding.weight")) return FileKind::huggingface_encoder;
  return FileKind::unknown;
}

}  // namespace nada
