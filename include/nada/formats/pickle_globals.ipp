// Bodies of pickle_globals.hpp.
#pragma once
#include "nada/formats/pickle_globals.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::detail {

struct KnownGlobal {
  std::string_view name;
  Meaning meaning;
};

inline constexpr KnownGlobal known_globals[] = {
    {"__builtin__.bytearray", Meaning::bytes},
    {"__builtin__.complex", Meaning::object},
    {"__builtin__.dict", Meaning::dict},
    {"__builtin__.float", Meaning::object},
    {"__builtin__.frozenset", Meaning::set},
    {"__builtin__.int", Meaning::object},
    {"__builtin__.list", Meaning::list},
    {"__builtin__.long", Meaning::object},
    {"__builtin__.object", Meaning::object},
    {"__builtin__.set", Meaning::set},
    {"__builtin__.slice", Meaning::object},
    {"__builtin__.str", Meaning::object},
    {"__builtin__.tuple", Meaning::tuple},
    {"__builtin__.unicode", Meaning::object},
    {"__builtin__.xrange", Meaning::object},
    {"_codecs.encode", Meaning::bytes},
    {"argparse.Namespace", Meaning::object},
    {"builtins.bool", Meaning::object},
    {"builtins.bytearray", Meaning::bytes},
    {"builtins.bytes", Meaning::bytes},
    {"builtins.complex", Meaning::object},
    {"builtins.dict", Meaning::dict},
    {"builtins.float", Meaning::object},
    {"builtins.frozenset", Meaning::set},
    {"builtins.int", Meaning::object},
    {"builtins.list", Meaning::list},
    {"builtins.object", Meaning::object},
    {"builtins.range", Meaning::object},
    {"builtins.set", Meaning::set},
    {"builtins.slice", Meaning::object},
    {"builtins.str", Meaning::object},
    {"builtins.tuple", Meaning::tuple},
    {"collections.Counter", Meaning::dict},
    {"collections.OrderedDict", Meaning::dict},
    {"collections.defaultdict", Meaning::dict},
    {"collections.deque", Meaning::list},
    {"dnnlib.EasyDict", Meaning::dict},
    {"dnnlib.util.EasyDict", Meaning::dict},
    {"copy_reg._reconstructor", Meaning::object},
    {"copyreg._reconstructor", Meaning::object},
    {"numpy._core.multiarray._reconstruct", Meaning::object},
    {"numpy._core.multiarray.scalar", Meaning::numpy_scalar},
    {"numpy._core.numeric._frombuffer", Meaning::numpy_array},
    {"numpy.core.multiarray._reconstruct", Meaning::object},
    {"numpy.core.multiarray.scalar", Meaning::numpy_scalar},
    {"numpy.core.numeric._frombuffer", Meaning::numpy_array},
    {"numpy.bool_", Meaning::object},
    {"numpy.dtype", Meaning::object},
    {"numpy.float16", Meaning::object},
    {"numpy.float32", Meaning::object},
    {"numpy.float64", Meaning::object},
    {"numpy.int16", Meaning::object},
    {"numpy.int32", Meaning::object},
    {"numpy.int64", Meaning::object},
    {"numpy.int8", Meaning::object},
    {"numpy.ndarray", Meaning::object},
    {"numpy.uint16", Meaning::object},
    {"numpy.uint32", Meaning::object},
    {"numpy.uint64", Meaning::object},
    {"numpy.uint8", Meaning::object},
    {"pathlib.Path", Meaning::object},
    {"pathlib.PosixPath", Meaning::object},
    {"pathlib.PurePosixPath", Meaning::object},
    {"pathlib.WindowsPath", Meaning::object},
    {"torch.Size", Meaning::tuple},
    {"torch.Tensor", Meaning::object},
    {"torch._tensor._rebuild_from_type_v2", Meaning::wrapped_tensor},
    {"torch._utils._rebuild_parameter", Meaning::first_argument},
    {"torch._utils._rebuild_parameter_with_state", Meaning::first_argument},
    {"torch._utils._rebuild_tensor", Meaning::tensor},
    {"torch._utils._rebuild_tensor_v2", Meaning::tensor},
    {"torch._utils._rebuild_tensor_v3", Meaning::typed_tensor},
    {"torch.channels_last", Meaning::object},
    {"torch.contiguous_format", Meaning::object},
    {"torch.device", Meaning::object},
    {"torch.jit._pickle.build_boollist", Meaning::first_argument},
    {"torch.jit._pickle.build_doublelist", Meaning::first_argument},
    {"torch.jit._pickle.build_intlist", Meaning::first_argument},
    {"torch.jit._pickle.build_tensorlist", Meaning::first_argument},
    {"torch.jit._pickle.restore_type_tag", Meaning::first_argument},
    {"torch.nn.parameter.Parameter", Meaning::object},
    {"torch.preserve_format", Meaning::object},
    {"torch.serialization._get_layout", Meaning::object},
    {"torch.storage._load_from_bytes", Meaning::torch_stream},
    {"torch.strided", Meaning::object},
    {"torch.torch_version.TorchVersion", Meaning::object},
    {"torch_utils.persistence._reconstruct_persistent_obj", Meaning::object},
};

struct NamedType {
  std::string_view name;
  DType dtype;
};
inline constexpr NamedType storage_types[] = {
    {"DoubleStorage", DType::f64},    {"FloatStorage", DType::f32}, {"HalfStorage", DType::f16},
    {"BFloat16Storage", DType::bf16}, {"LongStorage", DType::i64},  {"IntStorage", DType::i32},
    {"ShortStorage", DType::i16},     {"CharStorage", DType::i8},   {"ByteStorage", DType::u8},
    {"BoolStorage", DType::boolean},
};

inline constexpr NamedType torch_dtypes[] = {
    {"torch.float64", DType::f64},   {"torch.float32", DType::f32}, {"torch.float16", DType::f16},
    {"torch.bfloat16", DType::bf16}, {"torch.int64", DType::i64},   {"torch.int32", DType::i32},
    {"torch.int16", DType::i16},     {"torch.int8", DType::i8},     {"torch.uint8", DType::u8},
    {"torch.bool", DType::boolean},
};

NADA_INLINE std::optional<DType> storage_dtype(std::string_view global) {
  if (global == "torch.storage.UntypedStorage" || global == "torch.UntypedStorage") return DType::u8;
  if (!global.starts_with("torch.")) return std::nullopt;
  global.remove_prefix(6);
  if (global.starts_with("cuda.")) global.remove_prefix(5);
  for (const auto& type : storage_types)
    if (type.name == global) return type.dtype;
  return std::nullopt;
}

NADA_INLINE std::optional<std::uint64_t> unread_element_size(std::string_view global) {
  struct Sized {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr Sized unread[] = {
      {"ComplexFloatStorage", 8}, {"ComplexDoubleStorage", 16}, {"ComplexHalfStorage", 4}, {"QInt8Storage", 1},
      {"QUInt8Storage", 1},       {"QInt32Storage", 4},         {"QUInt4x2Storage", 1},    {"QUInt2x4Storage", 1}};
  if (!global.starts_with("torch.")) return std::nullopt;
  global.remove_prefix(6);
  if (global.starts_with("cuda.")) global.remove_prefix(5);
  for (const auto& type : unread)
    if (type.name == global) return type.bytes;
  return std::nullopt;
}

NADA_INLINE std::string_view storage_class(DType dtype) {
  for (const auto& type : storage_types)
    if (type.dtype == dtype) return type.name;
  fail("no class of storages holds ", name_of(dtype));
}

NADA_INLINE std::optional<DType> torch_dtype(std::string_view global) {
  for (const auto& type : torch_dtypes)
    if (type.name == global) return type.dtype;
  return std::nullopt;
}

NADA_INLINE Meaning meaning_of(std::string_view global) {
  for (const auto& known : known_globals)
    if (known.name == global) return known.meaning;
  // Modules' classes are only remembered; the classes of TorchScript are named by the archive itself.
  if (global.starts_with("torch.nn.modules.") || global.starts_with("__torch__.")) return Meaning::object;
  if (storage_dtype(global) || torch_dtype(global)) return Meaning::object;
  return Meaning::opaque;
}

}  // namespace nada::detail
