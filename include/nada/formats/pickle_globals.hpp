/// The names of classes and functions that a pickle mentions, and the inert value that each becomes. Nothing that a
/// pickle names is ever run: a name that is not on the list is opaque, and what it is called for is an object that
/// remembers the name and the arguments.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "nada/formats/safetensors.hpp"

namespace nada::detail {

/// Meaning says what a name that a pickle mentions or calls becomes.
enum class Meaning : std::uint8_t {
  object,  // remembered with its arguments
  dict,    // a dict with the entries of its arguments
  list,
  set,
  tuple,
  bytes,           // from bytes, or from a text in Latin-1
  first_argument,  // the first argument, unchanged
  tensor,          // (storage, offset, size, stride, ...)
  typed_tensor,    // (storage, offset, size, stride, requires_grad, hooks, dtype, ...)
  wrapped_tensor,  // (function, class, its arguments, state)
  torch_stream,    // (bytes) that hold a stream of torch.save
  numpy_scalar,    // (dtype, bytes)
  numpy_array,     // (bytes, dtype, shape, order)
  opaque           // on no list: an object, as the first
};

/// Returns the meaning of `global` ("module.name").
Meaning meaning_of(std::string_view global);

/// Returns the element type of a storage class, "torch.FloatStorage" or "torch.cuda.FloatStorage"; u8 for
/// an untyped class.
std::optional<DType> storage_dtype(std::string_view global);

/// Returns the bytes of an element of a storage class whose elements are not read: complex and quantized numbers.
std::optional<std::uint64_t> unread_element_size(std::string_view global);

/// Returns the class of storages of an element type, in the module torch: "FloatStorage".
std::string_view storage_class(DType dtype);

/// Returns the element type that a name like "torch.float16" stands for.
std::optional<DType> torch_dtype(std::string_view global);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_globals.ipp"
#endif
