/// The names of classes and functions that a pickle may mention, and what each becomes: the list that keeps a pickle
/// from running anything. A name that is not here is an error.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "nada/formats/safetensors.hpp"

namespace nada::detail {

/// What becomes of a name that a pickle mentions or calls.
enum class Meaning : std::uint8_t {
  object,  // remembered with its arguments
  dict,    // a dict with the entries of its arguments
  list,
  set,
  tuple,
  bytes,           // of bytes, or of a text in Latin-1
  first_argument,  // what it was given
  tensor,          // (storage, offset, size, stride, ...)
  typed_tensor,    // (storage, offset, size, stride, requires_grad, hooks, dtype, ...)
  wrapped_tensor,  // (function, class, its arguments, state)
  torch_stream,    // (bytes) that hold a stream of torch.save
  numpy_scalar     // (dtype, bytes)
};

/// What `global` ("module.name") stands for; nothing if it is not on the list.
std::optional<Meaning> meaning_of(std::string_view global);

/// The element type of a storage class, "torch.FloatStorage" or "torch.cuda.FloatStorage"; bytes for an untyped one.
std::optional<DType> storage_dtype(std::string_view global);

/// The element type that "torch.float16" and the like name.
std::optional<DType> torch_dtype(std::string_view global);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_globals.ipp"
#endif
