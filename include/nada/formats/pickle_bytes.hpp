/// The bytes of a pickle, read from front to back: numbers, lines and texts as its instructions carry them.
///
/// Errors:  every function that reads throws where fewer bytes are left than the pickle announces; the sentence names
///          the file and the byte.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada::detail {

class PickleBytes {
 public:
  /// Where begins a sentence with the place of the reading; the object becomes text only where there is an error.
  struct Where {
    const std::string& what;
    std::ptrdiff_t byte;
    friend std::ostream& operator<<(std::ostream& out, const Where& place) {
      return out << place.what << ": the pickle's byte " << place.byte;
    }
  };

  /// Texts that do not stand in the file literally become texts of `memory`, which must outlive this object.
  explicit PickleBytes(PickleMemory& memory) : memory_(memory) {}

  /// Starts to read at the first of `bytes`.
  void start(std::span<const std::byte> bytes) {
    start_ = bytes.data();
    rest_ = bytes;
  }
  /// The bytes that have not been read.
  std::span<const std::byte> rest() const { return rest_; }
  Where where() const { return {memory_.what(), rest_.data() - start_}; }
  /// Returns `value` where it is of `kind`.
  /// Errors:  a value of another kind.
  Value& expect(Value& value, Value::Kind kind) const;

  /// Reads the byte that names the next instruction.
  /// Errors:  the pickle has ended.
  std::uint8_t instruction();
  std::span<const std::byte> take(std::uint64_t length);
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  /// Reads the number of bytes that follow.
  /// Errors:  a negative number.
  template <class Number>
  std::uint64_t length() {
    const auto number = this->number<Number>();
    if constexpr (std::is_signed_v<Number>) refuse_negative(number);
    return static_cast<std::uint64_t>(number);
  }
  /// Errors:  fewer than `length` bytes follow.
  void require_bytes(std::uint64_t length) const;
  std::string_view characters(std::uint64_t length);

  /// Reads a line and returns it without its end.
  /// Errors:  a line that has no end.
  std::string_view line();
  /// Reads a line with a number in decimal digits.
  /// Errors:  another text, a number that does not fit.
  std::uint64_t index_line();
  double real_line();
  /// Returns the number that `text`, a line, spells.
  /// Errors:  as index_line.
  std::int64_t integer(std::string_view text) const;
  /// Reads protocol 0's string, a Python literal in quotes.
  /// Errors:  a line that is no such literal.
  std::string_view string_line();
  /// Reads protocol 0's text, Latin-1 with \u and \U, and returns it as UTF-8.
  /// Errors:  a broken escape.
  std::string_view unicode_line();

 private:
  void refuse_negative(std::int64_t length) const;
  /// Returns the number of `digits` hexadecimal digits after `at`, and moves `at` behind the digits.
  std::uint32_t hex(std::string_view text, std::size_t& at, std::size_t digits) const;

  PickleMemory& memory_;
  const std::byte* start_ = nullptr;
  std::span<const std::byte> rest_;
};

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_bytes.ipp"
#endif
