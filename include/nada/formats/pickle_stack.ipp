// Bodies of pickle_stack.hpp.
#pragma once
#include "nada/formats/pickle_stack.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::detail {

NADA_INLINE void PickleStack::clear() {
  values_.clear();
  marks_.clear();
}

NADA_INLINE void PickleStack::push(Value& value) {
  if (values_.size() == most_) {
    memory_.take(24);
    ++most_;
  }
  values_.push_back(&value);
}

NADA_INLINE Value& PickleStack::top() {
  require(values_.size() > floor(), bytes_.where(), " wants a value and there is none: it is damaged");
  return *values_.back();
}

NADA_INLINE Value& PickleStack::pop() {
  auto& value = top();
  values_.pop_back();
  return value;
}

NADA_INLINE void PickleStack::mark() {
  constexpr auto most = PickleMemory::most_depth;
  require(marks_.size() < most, memory_.what(), ": nests values deeper than ", most);
  marks_.push_back(values_.size());
}

NADA_INLINE void PickleStack::drop() {
  if (values_.size() == floor() && !marks_.empty())
    marks_.pop_back();
  else
    pop();
}

NADA_INLINE Value& PickleStack::below_mark() const {
  require(!marks_.empty() && marks_.back() > (marks_.size() > 1 ? marks_[marks_.size() - 2] : 0), bytes_.where(),
          " wants something before a mark and there is nothing: it is damaged");
  return *values_[marks_.back() - 1];
}

NADA_INLINE std::size_t PickleStack::unmark() {
  require(!marks_.empty(), bytes_.where(), " wants the values since a mark and there is none: it is damaged");
  const auto start = marks_.back();
  marks_.pop_back();
  return start;
}

NADA_INLINE void PickleStack::gather(Value& parent) {
  const auto start = unmark();
  for (auto i = start; i < values_.size(); ++i) memory_.append(parent, *values_[i]);
  values_.resize(start);
}

NADA_INLINE Value& PickleStack::gathered(Value::Kind kind) {
  auto& value = memory_.add(Value::container(kind));
  gather(value);
  return value;
}

NADA_INLINE Value& PickleStack::gathered_tuple(std::size_t count) {
  const auto there = values_.size() - floor();
  require(there >= count, bytes_.where(), " wants ", count, " values, there are ", there, ": it is damaged");
  auto& value = memory_.add(Value::container(Value::Kind::tuple));
  for (auto i = values_.size() - count; i < values_.size(); ++i) memory_.append(value, *values_[i]);
  values_.resize(values_.size() - count);
  return value;
}

}  // namespace nada::detail
