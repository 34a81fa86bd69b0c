/// The stack of the machine that a pickle is a program for: values, and marks between them.
///
/// Errors:  every function that takes a value throws where no value lies above the last mark.
#pragma once
#include <cstddef>
#include <vector>

#include "nada/formats/pickle_bytes.hpp"
#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada::detail {

class PickleStack {
 public:
  /// `bytes` tell errors the place of the reading; `bytes` and `memory` must outlive this object.
  PickleStack(PickleMemory& memory, const PickleBytes& bytes) : memory_(memory), bytes_(bytes) {}
  void clear();

  void push(Value& value);
  Value& top();
  Value& pop();

  /// Sets a mark.
  /// Errors:  more than 1000 marks.
  void mark();
  /// Removes the value on top, or the last mark where no value lies above the mark.
  void drop();
  /// Removes the last mark and the values above the mark.
  /// Errors:  there is no mark; the same holds for the functions below.
  void drop_to_mark() { values_.resize(unmark()); }
  /// Returns the value below the last mark.
  /// Errors:  no value lies below the mark.
  Value& below_mark() const;
  /// Moves the values above the last mark to the end of `parent`, and removes the mark.
  void gather(Value& parent);
  /// Returns a new container of the values above the last mark, and removes the mark.
  Value& gathered(Value::Kind kind);
  /// Returns a new tuple of the `count` values on top.
  /// Errors:  fewer values.
  Value& gathered_tuple(std::size_t count);

 private:
  /// Returns the index of the first value above the last mark, 0 where there is no mark.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  /// Removes the last mark and returns the index of the first value above the mark.
  std::size_t unmark();

  PickleMemory& memory_;
  const PickleBytes& bytes_;
  std::vector<Value*> values_;
  std::vector<std::size_t> marks_;
  std::size_t most_ = 0;  // the most values at once so far; memory was counted for these
};

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_stack.ipp"
#endif
