/// What reading a pickle gives: plain values, tensors and the storages that they look at.
///
/// A value is inert: a class or function that the pickle names is a text, an object remembers what it was made from.
/// Values belong to the reader that made them (unpickler.hpp) and refer to each other by address; texts and bytes are
/// views into the file or into the reader's memory.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
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

namespace detail {
class PickleMemory;
}

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
  friend class detail::PickleMemory;
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

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/pickle_value.ipp"
#endif
