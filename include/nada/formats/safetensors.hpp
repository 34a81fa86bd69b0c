/// Safetensors: named arrays and a few words about them in one file, read through a mapping.
///
///     8 bytes  length N of the header, little-endian
///     N bytes  JSON {"__metadata__": {"key": "value"},
///                    "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
///     rest     the arrays, row-major, little-endian, without holes or overlaps
///
/// Source:  https://github.com/huggingface/safetensors (README, "Format").
/// Facts:   a file cut anywhere is an error; writing the same tensors gives the same bytes; read(write(x)) is x.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

static_assert(std::endian::native == std::endian::little, "nada reads and writes little-endian files as they are");

/// DType is an element type that nada knows.
enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

namespace detail {
struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t size;
};
inline constexpr std::array<DTypeRow, 10> dtypes{{{DType::f64, "F64", 8},
                                                  {DType::f32, "F32", 4},
                                                  {DType::f16, "F16", 2},
                                                  {DType::bf16, "BF16", 2},
                                                  {DType::i64, "I64", 8},
                                                  {DType::i32, "I32", 4},
                                                  {DType::i16, "I16", 2},
                                                  {DType::i8, "I8", 1},
                                                  {DType::u8, "U8", 1},
                                                  {DType::boolean, "BOOL", 1}}};
}  // namespace detail

/// Returns the bytes of one element.
inline std::size_t size_of(DType dtype) { return detail::dtypes.at(static_cast<std::size_t>(dtype)).size; }
/// Returns the type's name in a file: "F32".
inline std::string_view name_of(DType dtype) { return detail::dtypes.at(static_cast<std::size_t>(dtype)).name; }

/// TensorView is a named array in memory that the view does not own. The memory may lie at any address: copy it before
/// reading elements wider than a byte where alignment matters.
struct TensorView {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // in elements, one per dimension
  std::span<const std::byte> bytes;
};

namespace detail {

/// Returns the number of elements of `shape`; nothing where a dimension is negative, or where the number, a stride, or
/// `size` bytes for each element go beyond 63 bits.
std::optional<std::int64_t> checked_count(std::span<const std::int64_t> shape, std::size_t size);

std::string shown(std::span<const std::int64_t> shape);

/// Refuses to write to `path` a tensor that is not contiguous or whose bytes do not match its shape.
void require_whole(const TensorView& tensor, const std::filesystem::path& path);

}  // namespace detail

/// Returns the strides, in elements, of an array of that shape in row-major order.
std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape);

/// Returns the number of elements, 1 without dimensions.
/// Errors:  a negative dimension, more than 63 bits.
std::int64_t count(const TensorView& tensor);

/// Returns whether the elements lie in row-major order without gaps.
bool is_contiguous(const TensorView& tensor);

namespace detail {

inline constexpr std::size_t most_header_bytes = 100'000'000;  // limit of the reference implementation
inline constexpr std::size_t most_dimensions = 64;
inline constexpr std::string_view metadata_key = "__metadata__";

}  // namespace detail

/// Safetensors is an open file. Copies share the mapping; views stay valid while a copy, or the pointer that
/// mapping() gave, lives.
class Safetensors {
 public:
  /// Opens a file.
  /// Errors:  a file that cannot be read or breaks any rule of the format; the sentence names the tensor.
  static Safetensors open(const std::filesystem::path& path);

  const Metadata& metadata() const { return metadata_; }
  /// The tensors, contiguous and sorted by name.
  std::span<const TensorView> tensors() const { return tensors_; }
  /// Returns the tensor of that name, or nullptr.
  const TensorView* find(std::string_view name) const;
  /// Returns the tensor of that name.
  /// Errors:  no such tensor.
  const TensorView& at(std::string_view name) const;
  const std::filesystem::path& path() const { return mapping_->path(); }
  /// The mapping, which keeps the bytes of the views alive.
  std::shared_ptr<const MappedFile> mapping() const { return mapping_; }

 private:
  Safetensors() = default;

  std::shared_ptr<const MappedFile> mapping_;
  Metadata metadata_;
  std::vector<TensorView> tensors_;
};

/// Writes `tensors`, the widest element type first and then by name; the data start at a multiple of 8.
/// Errors:  a tensor that is not contiguous or whose bytes do not match its shape; two tensors of one name; metadata
///          that are not UTF-8; a file that cannot be written.
void save_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors, const Metadata& metadata);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/safetensors.ipp"
#endif
