/// Reads StyleGAN3 generators from files and prepares them for files.
#pragma once
#include <filesystem>
#include <string>
#include <utility>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan3.hpp"

namespace nada {

/// Returns the native name of a tensor of NVlabs/stylegan3: "synthesis.L3_52_512.affine.bias" -> "L3_52_512.affine.bias",
/// "mapping.fc0.weight" -> "mapping.0.weight", "mapping.w_avg" -> "mean_style". Other names stay.
std::string stylegan3_native_name(const std::string& name);

/// Returns the settings that a StyleGAN3 file holds beside its tensors: a native one in its metadata, NVIDIA's pickles among
/// the attributes of the modules, other safetensors as constructor arguments in the metadata `init`. What is not told is as
/// in the official constructor; without a resolution it is the size of the last layer.
/// Errors:  numbers that are out of range or no numbers.
StyleGan3Settings stylegan3_settings(const ModelFile& file);

/// Reads the tensors of a StyleGAN3 file by native name, in their own types, each finite, and the file's settings.
/// Errors:  another kind of file, NaN.
std::pair<TensorMap, StyleGan3Settings> read_stylegan3(const ModelFile& file);

/// Reads a StyleGAN3 generator, T or R, from a native file or one with NVIDIA's names.
/// Errors:  another kind of file, NaN, tensors that are missing or do not fit.
StyleGan3 load_stylegan3(const ModelFile& file, Placement place = {});
inline StyleGan3 load_stylegan3(const std::filesystem::path& path, Placement place = {}) {
  return load_stylegan3(ModelFile::open(path), place);
}

/// Returns the metadata of a native generator file; `more` adds about, licence, origin.
Metadata generator_metadata(const StyleGan3& generator, Metadata more = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/stylegan3_file.ipp"
#endif
