/// Between safetensors and LibTorch.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

torch::ScalarType scalar_type(DType type);

DType dtype_of(torch::ScalarType type);

/// A contiguous CPU tensor with a copy of the values, strides honoured.
Tensor to_tensor(const TensorView& view);

TensorMap to_tensors(const Safetensors& file);

/// The same of any model file, which gives the memory of its own pages back on the way.
TensorMap to_tensors(const ModelFile& file);

/// Refuses NaN and infinity, naming the tensor.
void require_finite(const TensorMap& tensors, const std::string& what);

/// Writes tensors with metadata; see save_safetensors.
void save_tensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata);

/// SHA-256 over the sorted names, shapes and float32 values: the same for a file and its conversion.
std::string content_hash(const TensorMap& tensors);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/tensor_file.ipp"
#endif
