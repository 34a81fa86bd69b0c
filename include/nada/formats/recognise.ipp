// Bodies of recognise.hpp.
#pragma once
#include "nada/formats/recognise.hpp"

#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE std::string value_or(const Metadata& metadata, const std::string& key, std::string otherwise) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::move(otherwise) : found->second;
}

NADA_INLINE std::optional<FileKind> recognise(const Metadata& metadata, const std::filesystem::path& path) {
  const auto kind = value_or(metadata, "nada.kind");
  if (kind.empty()) return std::nullopt;
  const auto version = value_or(metadata, "nada.format");
  require(version == format_version, path, ": format ", version.empty() ? "unknown" : version, ", this version reads ",
          format_version);
  if (kind == "generator")
    return value_or(metadata, "nada.architecture") == "stylegan3" ? FileKind::native_stylegan3 : FileKind::generator;
  if (kind == "encoder") return FileKind::encoder;
  if (kind == "identity_network") return FileKind::identity_network;
  if (kind == "gradual_style_encoder") return FileKind::gradual_style_encoder;
  if (kind == "inception_network") return FileKind::inception_network;
  if (kind == "lpips_network") return FileKind::lpips_network;
  if (kind == "edge_network") return FileKind::edge_network;
  if (kind == "restyle_encoder") return FileKind::restyle_encoder;
  if (kind == "delta") return FileKind::delta;
  if (kind == "preset") return FileKind::preset;
  if (kind == "state") return FileKind::state;
  if (kind == "codes") return FileKind::codes;
  if (kind == "classifier") return FileKind::classifier;
  if (kind == "inverter") return FileKind::inverter;
  if (kind == "direction") return FileKind::direction;
  if (kind == "channel_statistics") return FileKind::channel_statistics;
  return FileKind::unknown;
}

NADA_INLINE FileKind recognise(const Safetensors& file) {
  if (const auto kind = recognise(file.metadata(), file.path())) return *kind;
  return recognise_names([&](const char* name) { return file.find(name) != nullptr; });
}

}  // namespace nada
