// Bodies of tensor_file.hpp.
#pragma once
#include "nada/formats/tensor_file.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/sha256.hpp"

namespace nada {

NADA_INLINE torch::ScalarType scalar_type(DType type) {
  switch (type) {
    case DType::f64:
      return torch::kFloat64;
    case DType::f32:
      return torch::kFloat32;
    case DType::f16:
      return torch::kFloat16;
    case DType::bf16:
      return torch::kBFloat16;
    case DType::i64:
      return torch::kInt64;
    case DType::i32:
      return torch::kInt32;
    case DType::i16:
      return torch::kInt16;
    case DType::i8:
      return torch::kInt8;
    case DType::u8:
      return torch::kUInt8;
    case DType::boolean:
      return torch::kBool;
  }
  fail("unknown tensor type");
}

NADA_INLINE DType dtype_of(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat64:
      return DType::f64;
    case torch::kFloat32:
      return DType::f32;
    case torch::kFloat16:
      return DType::f16;
    case torch::kBFloat16:
      return DType::bf16;
    case torch::kInt64:
      return DType::i64;
    case torch::kInt32:
      return DType::i32;
    case torch::kInt16:
      return DType::i16;
    case torch::kInt8:
      return DType::i8;
    case torch::kUInt8:
      return DType::u8;
    case torch::kBool:
      return DType::boolean;
    default:
      fail("tensors of type ", torch::toString(type), " cannot be stored");
  }
}

NADA_INLINE Tensor to_tensor(const TensorView& view) {
  const auto options = torch::TensorOptions().dtype(scalar_type(view.dtype));
  auto out = torch::empty(view.shape, options);
  if (out.numel() == 0) return out;
  if (is_contiguous(view)) {  // wherever the view lies, no further copy is made on the way
    std::memcpy(out.data_ptr(), view.bytes.data(), view.bytes.size());
    return out;
  }
  // from_blob wants a mutable pointer; the values are only read. Unaligned data is copied byte by byte first.
  auto* data = const_cast<std::byte*>(view.bytes.data());
  Tensor aligned;
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(view.dtype) != 0) {
    aligned = torch::empty({static_cast<std::int64_t>(view.bytes.size())}, torch::kUInt8);
    std::memcpy(aligned.data_ptr(), data, view.bytes.size());
    data = static_cast<std::byte*>(aligned.data_ptr());
  }
  return out.copy_(torch::from_blob(data, view.shape, view.strides, options));
}

NADA_INLINE TensorMap to_tensors(const Safetensors& file) {
  TensorMap out;
  for (const auto& view : file.tensors()) out.emplace(view.name, to_tensor(view));
  return out;
}

namespace detail {
/// Returns a tensor in the file's own memory, which it keeps.
NADA_INLINE Tensor mapped_tensor(const ModelFile& file, const TensorView& view) {
  auto* const data = const_cast<std::byte*>(view.bytes.data());  // allow_private_writes() was called
  return torch::from_blob(
      data, view.shape, [keep = file](void*) {}, torch::TensorOptions().dtype(scalar_type(view.dtype)));
}
}  // namespace detail

NADA_INLINE TensorMap to_tensors(const ModelFile& file, std::size_t limit) {
  std::size_t bytes = 0;
  for (const auto& view : file.tensors()) bytes += view.bytes.size();
  const bool mapped = bytes >= limit;
  if (mapped) file.allow_private_writes();
  TensorMap out;
  for (const auto& view : file.tensors()) {
    const bool aligned = reinterpret_cast<std::uintptr_t>(view.bytes.data()) % size_of(view.dtype) == 0;
    if (mapped && aligned && is_contiguous(view) && !view.bytes.empty()) {
      out.emplace(view.name, detail::mapped_tensor(file, view));
      continue;
    }
    out.emplace(view.name, to_tensor(view));
    if (!mapped) file.release(view);  // beside tensors in the mapping, pages may be shared
  }
  return out;
}

NADA_INLINE void require_finite(const TensorMap& tensors, const std::string& what) {
  constexpr std::int64_t at_once = 1 << 18;  // small pieces, so that they take little memory beside the tensors
  for (const auto& [name, value] : tensors)
    if (value.is_floating_point())
      for (const auto& part : value.flatten().split(at_once))
        if (!part.isfinite().all().item<bool>())
          fail(what, ": tensor ", name, " holds NaN or infinity, expected finite numbers");
}

NADA_INLINE TensorView view_of(std::string name, const Tensor& tensor) {
  return {std::move(name),
          dtype_of(tensor.scalar_type()),
          tensor.sizes().vec(),
          tensor.strides().vec(),
          {static_cast<const std::byte*>(tensor.data_ptr()),
           static_cast<std::size_t>(tensor.numel()) * tensor.element_size()}};
}

NADA_INLINE void save_tensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata) {
  std::vector<Tensor> held;
  std::vector<TensorView> views;
  for (const auto& [name, value] : tensors) {
    held.push_back(value.detach().cpu().contiguous());
    views.push_back(view_of(name, held.back()));
  }
  save_safetensors(path, views, metadata);
}

NADA_INLINE std::string content_hash(const TensorMap& tensors) {
  Sha256 hash;
  for (const auto& [name, value] : tensors) {
    hash.update(name + shape_text(value.sizes()));
    const auto v = value.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    hash.update(
        std::span(static_cast<const std::byte*>(v.data_ptr()), static_cast<std::size_t>(v.numel()) * sizeof(float)));
  }
  return hash.hex();
}

}  // namespace nada
