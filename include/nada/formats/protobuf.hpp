/// Messages of protocol buffers, written and read field by field without a schema: what event files
/// (formats/tfevents.hpp) and ONNX files (formats/onnx.hpp) consist of.
///
///     field     varint(number << 3 | wire), then by wire: 0 a varint, 1 eight bytes, 5 four bytes, lowest first,
///               2 varint(size) and that many bytes: a text, bytes or a message
///     varint    seven bits a byte, the lowest first; all bytes but the last have the highest bit set
///
/// Source:  https://protobuf.dev/programming-guides/encoding.
/// Facts:   150 as field 1 is 08 96 01; the text "testing" as field 2 is 12 07 and its bytes (the source's examples).
#pragma once
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace nada {

namespace detail {

/// Appends the lowest `size` bytes of a number, the lowest first.
inline void append_bytes(std::string& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
}

}  // namespace detail

/// ProtobufWriter writes a message, field by field.
class ProtobufWriter {
 public:
  /// Writes a number of one of the types int32, int64, uint64, bool and enum; a negative one takes ten bytes.
  ProtobufWriter& whole(unsigned field, std::uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  ProtobufWriter& number(unsigned field, double value) {
    key(field, 1);
    detail::append_bytes(bytes_, std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  ProtobufWriter& number(unsigned field, float value) {
    key(field, 5);
    detail::append_bytes(bytes_, std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  /// Writes a text, bytes or a message within this one.
  ProtobufWriter& part(unsigned field, std::string_view content) {
    part_of(field, content.size());
    bytes_ += content;
    return *this;
  }
  /// Writes what stands before a part of `size` bytes, which the caller puts behind these bytes.
  ProtobufWriter& part_of(unsigned field, std::uint64_t size) {
    key(field, 2);
    varint(size);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(unsigned field, unsigned wire) { varint(field << 3 | wire); }
  void varint(std::uint64_t value);

  std::string bytes_;
};

/// ProtobufReader reads the fields of a message one after the other.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : rest_(bytes) {}

  unsigned field = 0;          // number of the field
  std::uint64_t value = 0;     // of a whole number
  std::string_view part = {};  // of a text, bytes or a message; the four or eight bytes of a floating-point number

  /// Moves to the next field. Returns false at the end, and where the bytes are no message.
  bool next();

 private:
  bool varint(std::uint64_t& out);
  bool take(std::uint64_t size);

  std::string_view rest_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/protobuf.ipp"
#endif
