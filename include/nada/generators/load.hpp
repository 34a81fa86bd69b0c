/// Reads generators from files and prepares them for files.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/nvidia.hpp"
#include "nada/generators/rosinality.hpp"
#include "nada/generators/stylegan2.hpp"

namespace nada {

/// Placement says on which device and in which type a model computes.
struct Placement {
  torch::Device device = torch::kCPU;
  torch::ScalarType type = torch::kFloat32;
};

/// Refuses FIR filters other than [1, 3, 3, 1], whatever their gain.
void require_known_filter(const Tensor& value, const std::string& what, const std::string& name);

/// Returns a rosinality state dict by native names. FIR kernels are checked and dropped. Noise maps are dropped where
/// all are zeros, which is how to_rosinality() writes a generator without maps.
NamedTensors from_rosinality(const TensorMap& tensors, const std::string& what);

/// Returns an NVIDIA state dict by native names. FIR filters are checked and dropped. Missing noise strengths become 0.
NamedTensors from_nvidia(const TensorMap& tensors, const std::string& what);

/// Returns a number > 0 of a native file's metadata, or `otherwise` where the key is missing.
/// Errors:  another text than a number > 0.
std::optional<double> positive_number(const ModelFile& file, const std::string& key,
                                      std::optional<double> otherwise = {});

/// Returns the settings that a StyleGAN2 file holds beside its tensors.
StyleGan2Settings stylegan2_settings(const ModelFile& file);

/// Returns the mean of w over 4096 latents, for rosinality files without `latent_avg`: that project computes the mean
/// in the same way. The mean is computed in double and then rounded, so that it hardly depends on machine and threads
/// (base_hash reads it). The result is undefined where the mapping network is damaged.
Tensor estimated_mean_style(const NamedTensors& tensors, double lr);

/// Returns how the files of a kind call the tensor of a native name; empty where they call it the same.
NameInFile name_in_file(FileKind kind);

/// Reads the tensors of a StyleGAN2 file by native name, in their own types, each finite, and the file's settings.
/// Errors:  another kind of file, NaN, unknown tensors.
std::pair<NamedTensors, StyleGan2Settings> read_stylegan2(const ModelFile& file);

/// Reads a StyleGAN2 generator from a native file, or one of rosinality's or NVIDIA's.
/// Errors:  another kind of file, NaN, tensors that are missing or do not fit.
StyleGan2 load_stylegan2(const ModelFile& file, Placement place = {});
inline StyleGan2 load_stylegan2(const std::filesystem::path& path, Placement place = {}) {
  return load_stylegan2(ModelFile::open(path), place);
}

/// Returns the metadata of a native generator file; `more` adds about, licence, origin.
Metadata generator_metadata(const StyleGan2& generator, Metadata more = {});

/// Returns the tensors with rosinality's names and shapes, with its FIR kernels and `latent_avg`. Noise maps
/// that are not stored become zeros.
/// Errors:  parts that rosinality's project has no place for: classes, residual blocks, clamping.
TensorMap to_rosinality(const NamedTensors& tensors, const StyleGan2& generator, const std::string& what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/load.ipp"
#endif
