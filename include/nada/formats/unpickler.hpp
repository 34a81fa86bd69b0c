/// Python's pickles, protocols 0 to 5, read as data: nothing that a pickle names is ever run.
///
/// A pickle is a program for a small stack machine that builds values and calls functions by name. Here the names come
/// from a short list, and each is mapped to something inert: a dict, a tuple, a tensor that is described, an object
/// that remembers its class, its arguments and its state. Any other name is an error that says it. Values live in the
/// reader and refer to each other by address, so a list that holds itself is nothing special.
///
/// torch.save's two containers call this with their storages: `data.pkl` of a zip archive, and the older stream of
/// pickles and raw numbers (read_torch_stream), which also stands inside byte strings of plain pickles.
///
/// Source:  Python, Lib/pickletools.py (the opcodes); PyTorch, torch/serialization.py and torch/_utils.py (what
///          torch.save writes); NVlabs/stylegan3, torch_utils/persistence.py (how modules are pickled there).
/// Facts:   all values of a reader take at most 24 MiB and the file's size, however the pickle is made; texts and bytes
///          are views into the file; time is linear in the file's size.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nada/formats/safetensors.hpp"

namespace nada {

/// The memory that tensors look at.
struct PickledStorage {
  std::string_view key;              // its name in the container
  DType dtype = DType::u8;           // of its elements
  std::uint64_t size = 0;            // bytes, as the pickle says
  std::span<const std::byte> bytes;  // all of them, where `resolved`; in a zip archive they are an entry of their own
  bool resolved = false;
};

/// A tensor as the pickle describes it: nothing is checked against the storage yet.
struct PickledTensor {
  const PickledStorage* storage = nullptr;
  DType dtype = DType::f32;
  std::int64_t offset = 0;  // in elements
  std::vector<std::int64_t> shape, strides;
};

/// A value of a pickle. No accessor fails: asked for what it is not, a value answers with nothing.
/// Values may refer to themselves; a walk over them needs a limit.
class Value {
 public:
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    big_integer,  // more than 64 bits: text() has its bytes, little-endian two's complement
    real,
    text,
    bytes,
    list,
    tuple,
    set,
    dict,    // OrderedDict and the like as well
    global,  // a class or function that is mentioned: text() is "module.name"
    object,  // of a class, or from a function: text() is "module.name"
    storage,
    tensor
  };

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  /// An object of, or a mention of, the class or function of that name.
  bool is_object(std::string_view name) const { return kind_ == Kind::object && text_ == name; }

  std::optional<bool> as_boolean() const { return is(Kind::boolean) ? std::optional(integer_ != 0) : std::nullopt; }
  /// Of an integer or a boolean.
  std::optional<std::int64_t> as_integer() const {
    return is(Kind::integer) || is(Kind::boolean) ? std::optional(integer_) : std::nullopt;
  }
  /// Of a real or an integer.
  std::optional<double> as_real() const;
  std::optional<std::string_view> as_text() const { return is(Kind::text) ? std::optional(text_) : std::nullopt; }
  std::optional<std::span<const std::byte>> as_bytes() const {
    return is(Kind::bytes) ? std::optional(std::as_bytes(std::span(text_))) : std::nullopt;
  }
  /// The characters of a text, of bytes or of a big integer; the name of a global or an object.
  std::string_view text() const { return text_; }

  /// Of a list, a tuple or a set.
  std::span<const Value* const> items() const;
  /// Entries of a dict, in the order in which they were set; a key may come again, then the last one counts.
  std::size_t entries() const { return is(Kind::dict) ? items_.size() / 2 : 0; }
  const Value& key(std::size_t entry) const { return *items_[2 * entry]; }
  const Value& value(std::size_t entry) const { return *items_[2 * entry + 1]; }
  /// The dict's value for that text, or nullptr.
  const Value* find(std::string_view name) const;

  /// What an object was made from; a tuple as a rule.
  const Value* arguments() const { return is(Kind::object) ? items_[0] : nullptr; }
  /// What was put in an object afterwards, or nullptr.
  const Value* state() const { return is(Kind::object) ? items_[1] : nullptr; }
  const PickledTensor* as_tensor() const { return is(Kind::tensor) ? tensor_ : nullptr; }
  const PickledStorage* as_storage() const { return is(Kind::storage) ? storage_ : nullptr; }

  static Value none() { return Value(Kind::none); }
  static Value boolean(bool value) { return Value(Kind::boolean, value); }
  static Value integer(std::int64_t value) { return Value(Kind::integer, value); }
  static Value real(double number);
  /// A text, bytes, big integer or global; the characters are someone else's.
  static Value text(Kind kind, std::string_view characters);
  /// A list, tuple, set, or a dict from keys and values in turn.
  static Value container(Kind kind, std::vector<const Value*> items = {});
  static Value object(std::string_view name, const Value* arguments);
  static Value storage(const PickledStorage* storage);
  static Value tensor(const PickledTensor* tensor);

 private:
  friend class Unpickler;
  explicit Value(Kind kind, std::int64_t number = 0) : kind_(kind), integer_(number) {}

  Kind kind_;
  std::uint16_t depth_ = 0;  // of what it held when it was put in something
  union {
    std::int64_t integer_;
    double real_;
    const PickledTensor* tensor_;
    const PickledStorage* storage_;
  };
  std::string_view text_;
  std::vector<const Value*> items_;
};

/// With its article, for messages.
constexpr std::string_view name_of(Value::Kind kind) {
  constexpr std::array<std::string_view, 15> names = {
      "None",    "a boolean", "an integer", "a huge integer", "a number",  "a text",    "bytes",   "a list",
      "a tuple", "a set",     "a dict",     "a class",        "an object", "a storage", "a tensor"};
  return names[static_cast<std::size_t>(kind)];
}

namespace detail {

/// How much memory a file may still cause.
class Allowance {
 public:
  Allowance(std::string what, std::uint64_t bytes) : what_(std::move(what)), left_(bytes) {}
  /// Errors: it is used up.
  void take(std::uint64_t bytes);

 private:
  std::string what_;
  std::uint64_t left_;
};

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
    {"numpy._core.numeric._frombuffer", Meaning::object},
    {"numpy.core.multiarray._reconstruct", Meaning::object},
    {"numpy.core.multiarray.scalar", Meaning::numpy_scalar},
    {"numpy.core.numeric._frombuffer", Meaning::object},
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

struct StorageType {
  std::string_view name;
  DType dtype;
};
inline constexpr StorageType storage_types[] = {
    {"DoubleStorage", DType::f64},    {"FloatStorage", DType::f32}, {"HalfStorage", DType::f16},
    {"BFloat16Storage", DType::bf16}, {"LongStorage", DType::i64},  {"IntStorage", DType::i32},
    {"ShortStorage", DType::i16},     {"CharStorage", DType::i8},   {"ByteStorage", DType::u8},
    {"BoolStorage", DType::boolean},
};
/// The element type of a storage class, "torch.FloatStorage" or "torch.cuda.FloatStorage"; bytes for an untyped one.
std::optional<DType> storage_dtype(std::string_view global);

struct TorchDType {
  std::string_view name;
  DType dtype;
};
inline constexpr TorchDType torch_dtypes[] = {
    {"torch.float64", DType::f64},   {"torch.float32", DType::f32}, {"torch.float16", DType::f16},
    {"torch.bfloat16", DType::bf16}, {"torch.int64", DType::i64},   {"torch.int32", DType::i32},
    {"torch.int16", DType::i16},     {"torch.int8", DType::i8},     {"torch.uint8", DType::u8},
    {"torch.bool", DType::boolean},
};
std::optional<DType> torch_dtype(std::string_view global);

/// What `global` ("module.name") stands for; nothing if it is not on the list.
std::optional<Meaning> meaning_of(std::string_view global);

}  // namespace detail

/// Reads pickles and keeps what was in them. The bytes that it is given must outlive it. Not to be copied or moved:
/// values are found by address.
class Unpickler {
 public:
  /// `what` names the file in errors; `file_size` says how much memory it justifies.
  Unpickler(std::string what, std::size_t file_size)
      : Unpickler(what, detail::Allowance(what, (std::uint64_t{24} << 20) + file_size), false) {}
  Unpickler(const Unpickler&) = delete;
  Unpickler& operator=(const Unpickler&) = delete;

  /// The pickle at the start of `bytes`, which become what follows it.
  /// Errors: it is cut off or malformed, names what is not on the list, or is larger than its file justifies.
  const Value& read(std::span<const std::byte>& bytes);

  /// What torch.save wrote before 2020 (and writes on request): four pickles, the keys of the storages, and their
  /// numbers. Errors: as read, and storages that are missing, of another length or cut off.
  const Value& read_torch_stream(std::span<const std::byte> bytes);

  /// Whether `bytes` start as a stream of torch.save does.
  static bool recognises_torch_stream(std::span<const std::byte> bytes);

  /// How many values there are so far.
  std::size_t values() const { return values_.size(); }

  /// Keeps a value that a caller made, and where it needs them, a tensor and a storage.
  const Value& keep(Value value);
  const Value& keep(PickledTensor tensor);
  const PickledStorage& keep(PickledStorage storage);

 private:
  using Kind = Value::Kind;
  static constexpr char magic_number[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  static constexpr std::size_t most_depth = 1000;  // Python's own limit, roughly
  static constexpr std::size_t most_name = 1000;

  Unpickler(std::string what, detail::Allowance allowance, bool nested)
      : what_(std::move(what)), allowance_(std::move(allowance)), nested_(nested) {}

  // ------------------------------------------------------------------------------------------------------ the bytes
  /// The start of a sentence about where the reading is; it becomes text only where there is an error.
  struct Where {
    const std::string& what;
    std::ptrdiff_t byte;
    friend std::ostream& operator<<(std::ostream& out, const Where& place) {
      return out << place.what << ": the pickle's byte " << place.byte;
    }
  };
  Where where() const { return {what_, rest_.data() - start_}; }

  std::span<const std::byte> take(std::uint64_t length);
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view characters(std::uint64_t length);
  std::string_view line();

  // ------------------------------------------------------------------------------------------------------ the stack
  Value& add(Value value);
  void push(Value& value);
  void push_new(Value value) { push(add(std::move(value))); }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Value& top();
  Value& pop();
  std::uint16_t next_depth(const Value& child) const;
  void append(Value& parent, const Value& child);
  void mark();
  /// Where the values since the last mark start; the mark goes away.
  std::size_t unmark();
  /// The values since the last mark, taken off the stack, at the end of `parent`.
  void gather(Value& parent);
  Value& gathered(Kind kind);
  void tuple_of(std::size_t count);
  Value& expect(Value& value, Kind kind);

  // ------------------------------------------------------------------------------------------------------- the memo
  void memorize(std::uint64_t index);
  Value& remembered(std::uint64_t index);
  std::uint64_t index_of_line();

  // ------------------------------------------------------------------------------------------------------- numbers
  void push_integer(std::int64_t value);
  void push_long(std::uint64_t length);
  void push_integer_line(bool long_suffix);
  void push_real_line();
  void push_real();

  // --------------------------------------------------------------------------------------------------------- texts
  std::string_view keep_text(std::string text);
  static int hex_digit(char c);
  static void append_utf8(std::string& out, std::uint32_t point);
  /// The number of `digits` hexadecimal digits after `at`, which moves behind them.
  std::uint32_t hex(std::string_view text, std::size_t& at, std::size_t digits) const;
  /// Protocol 0's string, a Python literal in quotes.
  void push_string_line();
  /// Protocol 0's text: Latin-1 with \u and \U.
  void push_unicode_line();
  /// UTF-8 of characters up to U+00FF as bytes.
  Value& latin1(std::string_view text);

  // ---------------------------------------------------------------------------------------------- names and calls
  void push_global(std::string_view module, std::string_view name);
  static detail::Meaning meaning_of(const Value& global) { return static_cast<detail::Meaning>(global.integer_); }
  /// Argument `index` of a call, a tuple.
  const Value& argument(std::string_view function, const Value& arguments, std::size_t index) const;
  void copy_items(Value& to, const Value& from);

  /// What a call of `function`, or an instance of that class, is here.
  Value& call(Value& function, Value& arguments);
  Value& object_of(std::string_view name, const Value& arguments);
  /// copyreg._reconstructor(class, base, state): how protocols 0 and 1 make objects.
  Value& construct(const Value& arguments);
  /// Of dicts and of lists of pairs; other arguments, such as a default, are left out.
  Value& dict_of(const Value& arguments);
  Value& copy_of(Kind kind, const Value& arguments);
  Value& bytes_of(std::string_view name, const Value& arguments);

  std::int64_t size_argument(std::string_view function, const Value& value) const;
  std::vector<std::int64_t> sizes(std::string_view function, const Value& value) const;
  Value& tensor_of(std::string_view name, const Value& arguments, bool typed);
  /// numpy's number of a dtype; where the dtype is none of the usual ones, an object that remembers both.
  Value& scalar_of(std::string_view name, const Value& arguments);
  void build();

  // ------------------------------------------------------------------------------------------------------ storages
  /// ("storage", class, key, place, elements[, view]): what torch.save says in place of a storage.
  Value& persistent(const Value& id);
  PickledStorage* storage_named(std::string name, std::string_view key, DType dtype, std::int64_t count);
  Value& storage_value(const PickledStorage& storage);
  /// One storage of a stream: the number of its elements and the elements.
  void read_storage(const Value& key, std::span<const std::byte>& bytes);
  /// Gives a part of a storage its bytes, once the whole has them; a whole must have them by now.
  void resolve_view(std::string_view name, PickledStorage& storage);
  /// The storage that a whole stream of torch.save, held in bytes, consists of.
  Value& storage_in(const Value& source);

  // --------------------------------------------------------------------------------------------------- the machine
  /// Obeys one instruction; false at the end of the pickle.
  bool step();

  std::string what_;
  detail::Allowance allowance_;
  bool in_stream_ = false;  // of torch.save
  bool nested_;             // inside another pickle's bytes

  // What was read; deques, because they keep everything where it is.
  std::deque<Value> values_;
  std::deque<PickledTensor> tensors_;
  std::deque<PickledStorage> all_storages_;
  std::deque<std::string> texts_;
  std::map<std::string_view, Value*> globals_;
  std::map<std::string, PickledStorage*, std::less<>> storages_;  // by key, of the container that is being read
  std::unordered_map<const PickledStorage*, Value*> storage_values_;
  std::unordered_map<const char*, Value*> streams_;  // by the address of their bytes
  std::array<Value*, 256> small_{};
  Value none_ = Value::none(), true_ = Value::boolean(true), false_ = Value::boolean(false),
        empty_tuple_ = Value::container(Kind::tuple);

  // The pickle at hand.
  const std::byte* start_ = nullptr;
  std::span<const std::byte> rest_;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Value*> memo_;
  std::size_t most_stack_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/unpickler.ipp"
#endif
