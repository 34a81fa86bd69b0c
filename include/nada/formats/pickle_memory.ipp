// Bodies of pickle_memory.hpp.
#pragma once
#include "nada/formats/pickle_memory.hpp"

#include <algorithm>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::detail {

NADA_INLINE void PickleMemory::take(std::uint64_t bytes) {
  require(bytes <= left_, what_, ": describes more values than a file of its size has reason to");
  left_ -= bytes;
}

NADA_INLINE Value& PickleMemory::add(Value value) {
  take(sizeof(Value));
  return values_.emplace_back(std::move(value));
}

NADA_INLINE Value& PickleMemory::add(PickledTensor tensor) {
  take(sizeof tensor + 32 * tensor.shape.size());
  return add(Value::tensor(&tensors_.emplace_back(std::move(tensor))));
}

NADA_INLINE Value& PickleMemory::add_integer(std::int64_t number) {
  if (number < 0 || number >= 256) return add(Value::integer(number));
  auto*& value = small_[static_cast<std::size_t>(number)];
  if (value == nullptr) value = &add(Value::integer(number));
  return *value;
}

NADA_INLINE Value& PickleMemory::add_global(std::string name, Meaning meaning) {
  auto& value = add(Value::text(Value::Kind::global, keep_text(std::move(name))));
  value.integer_ = static_cast<std::int64_t>(meaning);
  if (meaning == Meaning::opaque && opaque_.empty()) opaque_ = value.text_;
  return value;
}

NADA_INLINE Value& PickleMemory::add_object(std::string_view name, const Value& arguments) {
  take(48);
  auto& object = add(Value::object(name, &arguments));
  object.depth_ = next_depth(arguments);
  return object;
}

NADA_INLINE PickledStorage& PickleMemory::add_storage(const PickledStorage& storage) {
  take(sizeof storage);
  return storages_.emplace_back(storage);
}

NADA_INLINE const Value& PickleMemory::keep(Value value) {
  take(sizeof(Value) + 16 * value.items_.size());
  for (const auto* const item : value.items_)
    if (item != nullptr) value.depth_ = std::max<std::uint16_t>(value.depth_, next_depth(*item));
  return values_.emplace_back(std::move(value));
}

NADA_INLINE const Value& PickleMemory::keep(PickledTensor tensor) {
  take(sizeof(PickledTensor) + 16 * tensor.shape.size() + sizeof(Value));
  return values_.emplace_back(Value::tensor(&tensors_.emplace_back(std::move(tensor))));
}

NADA_INLINE const PickledStorage& PickleMemory::keep(const PickledStorage& storage) {
  take(sizeof storage + sizeof(Value));
  return storages_.emplace_back(storage);
}

NADA_INLINE std::string_view PickleMemory::keep_text(std::string text, std::uint64_t cost) {
  take(cost);
  return texts_.emplace_back(std::move(text));
}

NADA_INLINE std::uint16_t PickleMemory::next_depth(const Value& child) const {
  require(child.depth_ < most_depth, what_, ": nests values deeper than ", most_depth);
  return static_cast<std::uint16_t>(child.depth_ + 1);
}

NADA_INLINE void PickleMemory::append(Value& parent, const Value& child) {
  take(parent.items_.empty() ? 32 : 16);
  parent.depth_ = std::max(parent.depth_, next_depth(child));
  parent.items_.push_back(&child);
}

NADA_INLINE void PickleMemory::append_all(Value& to, const Value& from) {
  const auto size = from.items_.size();
  for (std::size_t i = 0; i < size; ++i) append(to, *from.items_[i]);
}

NADA_INLINE Value& PickleMemory::take_front(Value& container) {
  auto& first = own(*container.items_.front());
  container.items_.erase(container.items_.begin());
  return first;
}

NADA_INLINE void PickleMemory::become(Value& object, Value::Kind container) {
  object.kind_ = container;
  object.items_.clear();
}

NADA_INLINE void PickleMemory::become(Value& object, PickledTensor tensor) {
  take(sizeof tensor + 32 * tensor.shape.size());
  object = Value::tensor(&tensors_.emplace_back(std::move(tensor)));
}

NADA_INLINE void PickleMemory::set_state(Value& object, const Value& state) {
  object.depth_ = std::max(object.depth_, next_depth(state));
  object.items_[1] = &state;
}

}  // namespace nada::detail
