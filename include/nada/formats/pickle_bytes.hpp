/// The bytes of a pickle, read from front to back: numbers, lines and texts as its instructions carry them.
///
/// Errors:  of all that reads: fewer bytes are left than are announced. Sentences name the file and the place.
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
  /// The start of a sentence about where the reading is; it becomes text only where there is an error.
  struct Where {
    const std::string& what;
    std::ptrdiff_t byte;
    friend std::ostream& operator<<(std::ostream& out, const Where& place) {
      return out << place.what << ": the pickle's byte " << place.byte;
    }
  };

  /// Texts that are not in the file as they are become texts of `memory`, which must outlive this.
  explicit PickleBytes(PickleMemory& memory) : memory_(memory) {}

  /// The pickle starts where `bytes` do.
  void start(std::span<const std::byte> bytes) {
    start_ = bytes.data();
    rest_ = bytes;
  }
  /// What has not been read.
  std::span<const std::byte> rest() const { return rest_; }
  Where where() const { return {memory_.what(), rest_.data() - start_}; }
  /// `value`, which is of that kind. Errors: it is not.
  Value& expect(Value& value, Value::Kind kind) const;

  /// The byte that says what to do next. Errors: there is none.
  std::uint8_t instruction();
  std::span<const std::byte> take(std::uint64_t length);
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  /// How many bytes the pickle says that follow. Errors: a negative number.
  template <class Number>
  std::uint64_t length() {
    const auto number = this->number<Number>();
    if constexpr (std::is_signed_v<Number>) refuse_negative(number);
    return static_cast<std::uint64_t>(number);
  }
  /// Errors: `length` bytes do not follow.
  void require_bytes(std::uint64_t length) const;
  std::string_view characters(std::uint64_t length);

  /// Without its end. Errors: it has none.
  std::string_view line();
  /// A line with a number in decimal digits. Errors: it holds something else, or a number that does not fit.
  std::uint64_t index_line();
  double real_line();
  /// `text`, which was a line. Errors: as index_line.
  std::int64_t integer(std::string_view text) const;
  /// Protocol 0's string, a Python literal in quotes. Errors: a line that is none.
  std::string_view string_line();
  /// Protocol 0's text as UTF-8: Latin-1 with \u and \U. Errors: an escape that is broken.
  std::string_view unicode_line();

 private:
  void refuse_negative(std::int64_t length) const;
  /// The number of `digits` hexadecimal digits after `at`, which moves behind them.
  std::uint32_t hex(std::string_view text, std::size_t& at, std::size_t digits) const;

  PickleMemory& memory_;
  const std::byte* start_ = nullptr;
  std::span<const std::byte> rest_;
};

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_bytes.ipp"
#endif
