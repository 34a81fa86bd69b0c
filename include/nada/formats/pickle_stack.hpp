/// The stack of the machine that a pickle is a program for: values, and marks between them.
///
/// Errors:  of all that takes a value: there is none above the last mark.
#pragma once
#include <cstddef>
#include <vector>

#include "nada/formats/pickle_bytes.hpp"
#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada::detail {

class PickleStack {
 public:
  /// `bytes` say in errors where the reading is; they and `memory` must outlive this.
  PickleStack(PickleMemory& memory, const PickleBytes& bytes) : memory_(memory), bytes_(bytes) {}
  void clear();

  void push(Value& value);
  Value& top();
  Value& pop();

  /// Errors: more than 1000 marks.
  void mark();
  /// Takes the value on top away, or the mark where nothing is above it.
  void drop();
  /// Takes the last mark away and the values above it. Errors, here and below: there is no mark.
  void drop_to_mark() { values_.resize(unmark()); }
  /// The value below the last mark. Errors: there is none.
  Value& below_mark() const;
  /// Moves the values above the last mark to the end of `parent`; the mark goes away.
  void gather(Value& parent);
  /// A new container of the values above the last mark.
  Value& gathered(Value::Kind kind);
  /// A new tuple of the `count` values on top. Errors: there are fewer.
  Value& gathered_tuple(std::size_t count);

 private:
  /// Where the values above the last mark, or all of them, start.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  /// Where the values since the last mark start; the mark goes away.
  std::size_t unmark();

  PickleMemory& memory_;
  const PickleBytes& bytes_;
  std::vector<Value*> values_;
  std::vector<std::size_t> marks_;
  std::size_t most_ = 0;  // values that there were at once, which memory was counted for
};

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_stack.ipp"
#endif
