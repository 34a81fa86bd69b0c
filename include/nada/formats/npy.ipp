// Bodies of npy.hpp.
#pragma once
#include "nada/formats/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/zip.hpp"

namespace nada {
namespace detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";
inline constexpr std::size_t longest_npy_header = 10'000;  // as numpy.load has it

/// NpyHeader reads the Python literal of a header from its beginning to its end.
class NpyHeader {
 public:
  NpyHeader(std::string_view text, const std::string& what) : rest_(text), what_(what) {}

  void read();

  std::optional<std::string> type;
  std::optional<bool> columns_first;
  std::optional<std::vector<std::int64_t>> shape;

 private:
  [[noreturn]] void refuse(std::string_view expected) const {
    fail(what_, ": the header of a NumPy array has ", in_quotes(rest_.substr(0, 40)), " where ", expected,
         " is expected");
  }
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\n'))
      rest_.remove_prefix(1);
  }
  /// Takes `word` where it comes next, after blanks.
  bool takes(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void expect(std::string_view word) {
    if (!takes(word)) refuse(join("'", word, "'"));
  }
  std::string quoted();
  bool truth();
  std::vector<std::int64_t> numbers();
  template <class T>
  void put(std::optional<T>& place, T value, const std::string& key) {
    require(!place.has_value(), what_, ": the header of a NumPy array has the key ", in_quotes(key), " twice");
    place = std::move(value);
  }

  std::string_view rest_;
  const std::string& what_;
};

NADA_INLINE std::string NpyHeader::quoted() {
  skip_blanks();
  if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) refuse("a text in quotes");
  const auto end = rest_.find(rest_.front(), 1);
  if (end == rest_.npos) refuse("a text in quotes");
  const std::string out(rest_.substr(1, end - 1));
  if (out.find('\\') != out.npos) refuse("a text without escapes");
  rest_.remove_prefix(end + 1);
  return out;
}

NADA_INLINE bool NpyHeader::truth() {
  if (takes("True")) return true;
  if (takes("False")) return false;
  refuse("True or False");
}

NADA_INLINE std::vector<std::int64_t> NpyHeader::numbers() {
  std::vector<std::int64_t> out;
  expect("(");
  while (!takes(")")) {
    skip_blanks();
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc{} || number < 0) refuse("a whole number >= 0");
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    takes("L");  // as Python 2 wrote large numbers
    out.push_back(number);
    require(out.size() <= most_dimensions, what_, ": a NumPy array of more than ", most_dimensions, " dimensions");
    if (!takes(",")) {
      expect(")");
      break;
    }
  }
  return out;
}

NADA_INLINE void NpyHeader::read() {
  expect("{");
  while (!takes("}")) {
    const auto key = quoted();
    expect(":");
    if (key == "descr") {
      skip_blanks();
      require(rest_.empty() || rest_.front() != '[', what_,
              ": a NumPy array of records, expected elements of type '<f4' or '<f8'");
      put(type, quoted(), key);
    } else if (key == "fortran_order") {
      put(columns_first, truth(), key);
    } else if (key == "shape") {
      put(shape, numbers(), key);
    } else {
      fail(what_, ": the header of a NumPy array has the unknown key ", in_quotes(key));
    }
    if (!takes(",")) {
      expect("}");
      break;
    }
  }
  skip_blanks();
  if (!rest_.empty()) refuse("the end");
  for (const auto& [key, there] : std::array<std::pair<const char*, bool>, 3>{
           {{"descr", type.has_value()}, {"fortran_order", columns_first.has_value()}, {"shape", shape.has_value()}}})
    require(there, what_, ": the header of a NumPy array lacks the key '", key, "'");
}

/// Returns the text of the header and leaves in `bytes` what follows it.
NADA_INLINE std::string_view take_npy_header(std::span<const std::byte>& bytes, const std::string& what) {
  const auto start = npy_magic.size() + 2;
  require(bytes.size() >= start, what, ": a NumPy array that is cut off in its first ", start, " bytes");
  const auto major = std::to_integer<int>(bytes[start - 2]), minor = std::to_integer<int>(bytes[start - 1]);
  require(major >= 1 && major <= 3 && minor == 0, what, ": a NumPy array of version ", major, ".", minor,
          ", expected 1.0, 2.0 or 3.0");
  const std::size_t width = major == 1 ? 2 : 4;
  require(bytes.size() >= start + width, what, ": a NumPy array that is cut off before its header");
  const std::size_t length =
      major == 1 ? number_at<std::uint16_t>(bytes, start) : number_at<std::uint32_t>(bytes, start);
  require(length <= longest_npy_header, what, ": a NumPy array with a header of ", length, " bytes, expected at most ",
          longest_npy_header);
  bytes = bytes.subspan(start + width);
  require(length <= bytes.size(), what, ": a NumPy array that is cut off: its header takes ", length,
          " bytes, of which ", bytes.size(), " are there");
  const auto header = as_text(bytes.first(length));
  bytes = bytes.subspan(length);
  return header;
}

}  // namespace detail

NADA_INLINE bool is_npy(std::span<const std::byte> bytes) {
  return detail::as_text(bytes).starts_with(detail::npy_magic);
}

NADA_INLINE TensorView read_npy(std::span<const std::byte> bytes, const std::string& what) {
  require(is_npy(bytes), what, ": is no NumPy array");
  detail::NpyHeader header(detail::take_npy_header(bytes, what), what);
  header.read();
  const auto& type = *header.type;
  require(type == "<f4" || type == "<f8", what, ": a NumPy array with elements of type ", in_quotes(type),
          ", expected \"<f4\" or \"<f8\"");
  require(!*header.columns_first, what, ": a NumPy array with its columns first (fortran_order), expected rows first");
  TensorView out{.name = {},
                 .dtype = type == "<f4" ? DType::f32 : DType::f64,
                 .shape = std::move(*header.shape),
                 .strides = {},
                 .bytes = bytes};
  const auto number = detail::checked_count(out.shape, size_of(out.dtype));
  require(number.has_value(), what, ": a NumPy array of the impossible shape ", detail::shown(out.shape));
  const auto expected = static_cast<std::uint64_t>(*number) * size_of(out.dtype);
  require(expected == bytes.size(), what, ": a NumPy array of shape ", detail::shown(out.shape), " takes ", expected,
          " bytes, found ", bytes.size());
  out.strides = contiguous_strides(out.shape);
  return out;
}

}  // namespace nada
