/// The values that reading a pickle gives: plain values, tensors and the storages that tensors look at.
///
/// A value is inert: a class or function that the pickle names is a text, and an object remembers the arguments it was
/// made from. Values belong to the reader that made them (unpickler.hpp) and refer to each other by address; texts and
/// bytes are views into the file or into the reader's memory.
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

/// PickledStorage is the memory that tensors look at.
struct PickledStorage {
  std::string_view key;              // name of the storage in the container
  DType dtype = DType::u8;           // type of the elements
  std::uint64_t size = 0;            // bytes, as the pickle says
  std::span<const std::byte> bytes;  // all bytes, where `resolved`; an entry of its own in a zip archive
  bool resolved = false;
  std::uint64_t element = 0;  // bytes of an element that is not read (complex, quantized); 0: as `dtype` says
};

/// PickledTensor is a tensor as the pickle describes it: nothing is checked against the storage yet.
struct PickledTensor {
  const PickledStorage* storage = nullptr;
  DType dtype = DType::f32;
  std::int64_t offset = 0;  // in elements
  std::vector<std::int64_t> shape, strides;
};

namespace detail {
class PickleMemory;
}

/// Value is a value of a pickle. No accessor fails: a value of another kind answers with nothing. Values may refer to
/// themselves, so a walk over values needs a limit.
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
    dict,    // also OrderedDict and its kind
    global,  // class or function that is mentioned: text() is "module.name"
    object,  // instance of a class, or result of a function: text() is "module.name"
    storage,
    tensor
  };

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  /// Whether this is an object that the class or function `name` made.
  bool is_object(std::string_view name) const { return kind_ == Kind::object && text_ == name; }

  std::optional<bool> as_boolean() const { return is(Kind::boolean) ? std::optional(integer_ != 0) : std::nullopt; }
  /// Returns the number of an integer or a boolean.
  std::optional<std::int64_t> as_integer() const {
    return is(Kind::integer) || is(Kind::boolean) ? std::optional(integer_) : std::nullopt;
  }
  /// Returns the number of a real or an integer.
  std::optional<double> as_real() const;
  std::optional<std::string_view> as_text() const { return is(Kind::text) ? std::optional(text_) : std::nullopt; }
  std::optional<std::span<const std::byte>> as_bytes() const {
    return is(Kind::bytes) ? std::optional(std::as_bytes(std::span(text_))) : std::nullopt;
  }
  /// Returns the characters of a text, of bytes or of a big integer; the name of a global or an object.
  std::string_view text() const { return text_; }

  /// Returns the items of a list, a tuple or a set.
  std::span<const Value* const> items() const;
  /// Returns the number of a dict's entries, which stand in the order in which they were set; a key may come again, and
  /// its last entry counts.
  std::size_t entries() const { return is(Kind::dict) ? items_.size() / 2 : 0; }
  const Value& key(std::size_t entry) const { return *items_[2 * entry]; }
  const Value& value(std::size_t entry) const { return *items_[2 * entry + 1]; }
  /// Returns the dict's value for the key `name`, or nullptr.
  const Value* find(std::string_view name) const;

  /// Returns the arguments that an object was made from; a tuple as a rule.
  const Value* arguments() const { return is(Kind::object) ? items_[0] : nullptr; }
  /// Returns the state that an object was given afterwards, or nullptr.
  const Value* state() const { return is(Kind::object) ? items_[1] : nullptr; }
  const PickledTensor* as_tensor() const { return is(Kind::tensor) ? tensor_ : nullptr; }
  const PickledStorage* as_storage() const { return is(Kind::storage) ? storage_ : nullptr; }

  static Value none() { return Value(Kind::none); }
  static Value boolean(bool value) { return Value(Kind::boolean, value); }
  static Value integer(std::int64_t value) { return Value(Kind::integer, value); }
  static Value real(double number);
  /// Makes a text, bytes, a big integer or a global; the caller keeps the characters.
  static Value text(Kind kind, std::string_view characters);
  /// Makes a list, tuple or set of items, or a dict of keys and values in turn.
  static Value container(Kind kind, std::vector<const Value*> items = {});
  static Value object(std::string_view name, const Value* arguments);
  static Value storage(const PickledStorage* storage);
  static Value tensor(const PickledTensor* tensor);

 private:
  friend class detail::PickleMemory;
  explicit Value(Kind kind, std::int64_t number = 0) : kind_(kind), integer_(number) {}

  Kind kind_;
  std::uint16_t depth_ = 0;  // levels of values inside, when this was put into another value
  union {
    std::int64_t integer_;
    double real_;
    const PickledTensor* tensor_;
    const PickledStorage* storage_;
  };
  std::string_view text_;
  std::vector<const Value*> items_;
};

/// Returns the kind with its article, for messages.
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
