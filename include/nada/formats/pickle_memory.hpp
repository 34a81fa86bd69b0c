/// Keeps the values, tensors, storages and texts that reading a pickle makes, each at an address that stays.
///
/// Facts:   everything kept takes at most the bytes that the memory was made with, however the pickle is made.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "nada/formats/pickle_globals.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada::detail {

/// PickleMemory is the only class that changes values. The memory is neither copied nor moved, because values are
/// found by address.
class PickleMemory {
 public:
  /// `what` names the file in errors.
  PickleMemory(std::string what, std::uint64_t bytes) : what_(std::move(what)), left_(bytes) {}
  PickleMemory(const PickleMemory&) = delete;
  PickleMemory& operator=(const PickleMemory&) = delete;

  const std::string& what() const { return what_; }
  /// Returns how many values the memory holds so far.
  std::size_t values() const { return values_.size(); }
  /// Returns the first opaque name that was added, or nothing.
  std::string_view opaque() const { return opaque_; }
  /// Returns how many bytes may still be taken.
  std::uint64_t left() const { return left_; }
  /// Takes bytes that a caller needs on behalf of the pickle, or as many bytes of work, from `left`.
  /// Errors:  `left` is less.
  void take(std::uint64_t bytes);

  // ---------------------------------------------------------------------------------------------------- new values
  // Errors:  each function of this part throws as take.
  Value& add(Value value);
  Value& add(PickledTensor tensor);
  /// Integers in [0, 255] always give the same value.
  Value& add_integer(std::int64_t number);
  Value& add_global(std::string name, Meaning meaning);
  /// Adds an object of the class `name`, or one that the function `name` returned.
  /// Errors:  as append.
  Value& add_object(std::string_view name, const Value& arguments);
  /// Adds a storage that nothing is known of yet; the caller takes the memory that the storage needs besides.
  PickledStorage& add_storage(const PickledStorage& storage = {});

  Value& none() { return none_; }
  Value& boolean(bool value) { return value ? true_ : false_; }
  Value& empty_tuple() { return empty_tuple_; }

  /// Keeps a value that a caller made outside of any pickle.
  /// Errors:  as append.
  const Value& keep(Value value);
  const Value& keep(PickledTensor tensor);
  const PickledStorage& keep(const PickledStorage& storage);

  /// Keeps a text that does not stand in the file; `cost` is the number of bytes that the text takes from `left`, all
  /// of its memory where no cost is given.
  std::string_view keep_text(std::string text) {
    const auto cost = sizeof text + text.size();
    return keep_text(std::move(text), cost);
  }
  std::string_view keep_text(std::string text, std::uint64_t cost);

  // --------------------------------------------------------------------------------------------- values that change
  /// Returns a value of this memory in a form that can change.
  static Value& own(const Value& value) { return const_cast<Value&>(value); }
  static Meaning meaning_of(const Value& global) { return static_cast<Meaning>(global.integer_); }
  /// Returns how many values a container holds; a dict's keys count as well.
  static std::size_t size(const Value& container) { return container.items_.size(); }

  /// Puts `child` at the end of a container; a dict takes keys and values in turn.
  /// Errors:  values within values deeper than 1000 levels; as take.
  void append(Value& parent, const Value& child);
  /// Appends all values that `from` holds.
  void append_all(Value& to, const Value& from);
  /// Takes the first item out of a container, which must have one, and returns the item.
  static Value& take_front(Value& container);
  /// Makes an object an empty container: an object of an opaque class gets items, as what extends dict or list does.
  static void become(Value& object, Value::Kind container);
  /// Makes an object a tensor.
  /// Errors:  as take.
  void become(Value& object, PickledTensor tensor);
  /// Sets the state of an object.
  /// Errors:  as append.
  void set_state(Value& object, const Value& state);

  static constexpr std::size_t most_depth = 1000;  // Python's own limit, roughly

 private:
  std::uint16_t next_depth(const Value& child) const;

  std::string what_;
  std::uint64_t left_;
  std::string_view opaque_;
  std::deque<Value> values_;  // a deque keeps each value at its address
  std::deque<PickledTensor> tensors_;
  std::deque<PickledStorage> storages_;
  std::deque<std::string> texts_;
  std::array<Value*, 256> small_{};
  Value none_ = Value::none(), true_ = Value::boolean(true), false_ = Value::boolean(false),
        empty_tuple_ = Value::container(Value::Kind::tuple);
};

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_memory.ipp"
#endif
