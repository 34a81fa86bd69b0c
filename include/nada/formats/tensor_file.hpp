/// Tensors between model files and LibTorch.
#pragma once
#include <cstddef>
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

/// Returns a contiguous CPU tensor with a copy of the values; strides are honoured.
Tensor to_tensor(const TensorView& view);

TensorMap to_tensors(const Safetensors& file);

/// The bytes of tensors from which on a model file is not copied into memory.
inline constexpr std::size_t mapped_from = std::size_t{4} << 30;

/// Returns the tensors of any model file. They are copies, and the memory of the file's pages is given back on the way;
/// where the file has `limit` bytes of tensors or more, those that lie in it in row-major order at a multiple of their
/// element's size stand in its mapping: pages are read when they are needed, and what is written to them is written to
/// copies. Such a file must not be cut or written into while its tensors live; replacing it does no harm.
TensorMap to_tensors(const ModelFile& file, std::size_t limit = mapped_from);

/// Errors:  NaN or infinity; the sentence names the tensor.
void require_finite(const TensorMap& tensors, const std::string& what);

/// Returns a view of a contiguous tensor on the processor; the view is valid while the tensor's memory lives.
TensorView view_of(std::string name, const Tensor& tensor);

/// Writes tensors with metadata; save_safetensors gives the layout and the errors.
void save_tensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata);

/// Returns the SHA-256 over the sorted names, shapes and float32 values, which is the same for a file
/// and its conversion.
std::string content_hash(const TensorMap& tensors);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/tensor_file.ipp"
#endif
