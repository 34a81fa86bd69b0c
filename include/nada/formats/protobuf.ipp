// Bodies of protobuf.hpp.
#pragma once
#include "nada/formats/protobuf.hpp"

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE void ProtobufWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

NADA_INLINE bool ProtobufReader::next() {
  std::uint64_t key = 0, size = 0;
  if (!varint(key)) return false;
  field = static_cast<unsigned>(key >> 3);
  part = {};
  switch (key & 7) {
    case 0:
      return varint(value);
    case 1:
      return take(8);
    case 2:
      return varint(size) && take(size);
    case 5:
      return take(4);
    default:
      return false;
  }
}

NADA_INLINE bool ProtobufReader::varint(std::uint64_t& out) {
  out = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    out |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

NADA_INLINE bool ProtobufReader::take(std::uint64_t size) {
  if (size > rest_.size()) return false;
  part = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

}  // namespace nada
