/// Generators from files and into files.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/nvidia.hpp"
#include "nada/generators/rosinality.hpp"
#include "nada/generators/stylegan2.hpp"

namespace nada {

/// Where and in which type a model computes.
struct Placement {
  torch::Device device = torch::kCPU;
  torch::ScalarType type = torch::kFloat32;
};

/// Refuses FIR filters other than [1, 3, 3, 1], whatever their gain.
void require_known_filter(const Tensor& value, const std::string& what, const std::string& name);

/// A rosinality state dict by native names, FIR kernels checked and dropped, and so are noise maps where all are zeros:
/// what to_rosinality() writes for a generator without any.
NamedTensors from_rosinality(const TensorMap& tensors, const std::string& what);

/// An NVIDIA state dict by native names, FIR filters checked and dropped. Noise strengths that are not there are 0.
NamedTensors from_nvidia(const TensorMap& tensors, const std::string& what);

/// A number > 0 of a native file's metadata, or `otherwise`.
std::optional<double> positive_number(const ModelFile& file, const std::string& key,
                                      std::optional<double> otherwise = {});

/// What a StyleGAN2 file says beside its tensors.
StyleGan2Settings stylegan2_settings(const ModelFile& file);

/// Mean of w over 4096 latents, for rosinality files without `latent_avg`, as that project makes up for it. In double
/// and then rounded, so that it hardly depends on machine and threads (base_hash reads it). Undefined where the mapping
/// network is damaged.
Tensor estimated_mean_style(const NamedTensors& tensors, double lr);

/// The tensors of a StyleGAN2 file by native name, in their own types, each finite, and what else it says.
/// Errors: another kind of file, NaN, unknown tensors.
std::pair<NamedTensors, StyleGan2Settings> read_stylegan2(const ModelFile& file);

/// Reads a StyleGAN2 generator, native, rosinality's or NVIDIA's.
/// Errors: not such a file, NaN, tensors that are missing or do not fit.
StyleGan2 load_stylegan2(const ModelFile& file, Placement place = {});
inline StyleGan2 load_stylegan2(const std::filesystem::path& path, Placement place = {}) {
  return load_stylegan2(ModelFile::open(path), place);
}

/// Metadata of a native generator file; `more` adds about, licence, origin.
Metadata generator_metadata(const StyleGan2& generator, Metadata more = {});

/// The tensors with rosinality's names and shapes, its FIR kernels among them, and `latent_avg`. Noise maps that are
/// not stored are zeros. Errors: what that project has no place for: classes, residual blocks, clamping.
TensorMap to_rosinality(const NamedTensors& tensors, const StyleGan2& generator, const std::string& what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/load.ipp"
#endif
