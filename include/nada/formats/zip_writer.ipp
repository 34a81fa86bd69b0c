// Bodies of zip_writer.hpp.
#pragma once
#include "nada/formats/zip_writer.hpp"

#include <zlib.h>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

/// Returns numbers of the given widths, little-endian and without gaps.
template <class... Numbers>
std::string packed(Numbers... numbers) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return bytes;
}

}  // namespace detail

NADA_INLINE void ZipWriter::add(std::string_view name, std::span<const std::byte> content) {
  constexpr std::size_t header_size = 30, extra_size = 4;  // of the header before the name, of the head of "FB"
  constexpr std::uint16_t version = 20, flags = 0, stored = 0, time = 0, date = 0x21;  // 1980-01-01
  require(!name.empty() && name.size() <= 1000, "cannot write ", path_, ": an entry has a name of ", name.size(),
          " bytes, expected 1 to 1000");
  const auto unpadded = position_ + header_size + name.size() + extra_size;
  const auto padding = (alignment - unpadded % alignment) % alignment;
  const auto end = unpadded + padding + content.size();
  require(end < too_large && count_ + 1 < too_many, "cannot write ", path_,
          ": an archive holds less than 4 GiB in fewer than 65535 entries");
  const auto crc =
      static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  const auto size = static_cast<std::uint32_t>(content.size());
  const auto common =
      detail::packed(version, flags, stored, time, date, crc, size, size, static_cast<std::uint16_t>(name.size()));
  std::string header = "PK\3\4" + common + detail::packed(static_cast<std::uint16_t>(extra_size + padding));
  header += name;
  header += "FB" + detail::packed(static_cast<std::uint16_t>(padding)) + std::string(padding, 'Z');
  directory_ += "PK\1\2" + detail::packed(version) + common;
  directory_ += std::string(12, '\0');  // no extra field, no comment, the first disk, no attributes
  directory_ += detail::packed(static_cast<std::uint32_t>(position_));
  directory_ += name;
  file_.write(std::string_view(header));
  file_.write(content);
  position_ = end;
  ++count_;
}

NADA_INLINE void ZipWriter::finish() {
  require(position_ + directory_.size() < too_large, "cannot write ", path_, ": an archive holds less than 4 GiB");
  constexpr std::uint16_t disk = 0, comment = 0;
  const auto count = static_cast<std::uint16_t>(count_);
  directory_ += "PK\5\6" + detail::packed(disk, disk, count, count, static_cast<std::uint32_t>(directory_.size()),
                                          static_cast<std::uint32_t>(position_), comment);
  file_.write(std::string_view(directory_));
  file_.commit();
}

}  // namespace nada
