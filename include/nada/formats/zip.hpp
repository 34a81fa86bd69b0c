/// Zip archives, read through a mapping: what torch.save and TorchScript write since 2020.
///
/// The directory at the end of the file is the truth; the header of each entry must agree with the directory on name
/// and place. Entries lie apart from each other and from the directory, no two entries have one name, and the CRC of an
/// entry is checked when the entry is read. Stored and deflated entries and ZIP64 are read; encrypted, split and
/// self-extracting archives are not.
///
/// Source:  PKWARE, APPNOTE.TXT - .ZIP File Format Specification (6.3.10), sections 4.3 to 4.5.
/// Facts:   inflated contents take at most 24 MiB and the archive's size, all entries together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/formats/file.hpp"

namespace nada {

/// ZipEntry holds what the directory says about an entry.
struct ZipEntry {
  std::string_view name;
  std::uint64_t position = 0;  // place of the header in the archive
  std::uint64_t data = 0;      // place of the content
  std::uint64_t packed = 0;    // bytes in the archive
  std::uint64_t size = 0;      // bytes of the content
  std::uint32_t crc = 0;
  std::uint16_t method = 0;  // 0 stored, 8 deflated
  bool encrypted = false;
};

namespace detail {

/// Returns the little-endian number at `at`; all its bytes must lie inside of `bytes`.
template <class Number>
Number number_at(std::span<const std::byte> bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

/// PartOfFile begins a sentence about a part of a file; the object becomes text only where there is an error.
struct PartOfFile {
  const std::string& what;
  std::string_view part;
  std::string_view name;
  friend std::ostream& operator<<(std::ostream& out, const PartOfFile& place) {
    return out << place.what << ": the " << place.part << ' ' << in_quotes(place.name);
  }
};

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace detail

/// ZipArchive is an open archive. Moves keep the contents where they are; reading is not for several threads at once.
class ZipArchive {
 public:
  /// Opens a file.
  /// Errors:  a file that cannot be read; as the constructor.
  static ZipArchive open(const std::filesystem::path& path);

  /// Reads bytes that the caller keeps; `what` names them in errors.
  /// Errors:  no directory, or one that contradicts itself or the entries' headers.
  ZipArchive(std::span<const std::byte> bytes, std::string what);

  /// Returns whether `bytes` start as an archive does.
  static bool recognises(std::span<const std::byte> bytes);

  /// The entries, sorted by name.
  std::span<const ZipEntry> entries() const { return entries_; }
  /// Returns the entry of that name, or nullptr.
  const ZipEntry* find(std::string_view name) const;

  /// Returns the content of an entry; it is valid while this archive, or the one that it was moved to, lives.
  /// Errors:  no such entry, an entry of a kind that is not read, a content that does not match its CRC or sizes.
  std::span<const std::byte> entry(std::string_view name);

  const std::string& what() const { return what_; }

 private:
  struct Content {
    std::span<const std::byte> bytes;
    std::unique_ptr<std::byte[]> inflated;
  };
  struct Directory {
    std::uint64_t position = 0, size = 0, count = 0;
  };
  static constexpr std::size_t end_size = 22, end64_size = 56, locator_size = 20, record_size = 46, header_size = 30;
  static constexpr std::uint64_t most_entries = 1 << 20;

  template <class Number>
  Number at(std::uint64_t position) const {
    return detail::number_at<Number>(bytes_, static_cast<std::size_t>(position));
  }
  bool has(std::uint64_t position, std::string_view signature) const;

  /// Finds the directory.
  /// Errors:  no end record, a record of another archive, or one that points outside.
  Directory find_directory() const;

  void read_directory(const Directory& directory);

  /// Reads the numbers that do not fit in 32 bits from the extra field, which holds only those numbers, in this order.
  void read_long_numbers(ZipEntry& entry, std::span<const std::byte> extra) const;

  /// Finds each entry's content and checks that it lies inside the archive, before the directory, apart
  /// from the others.
  void check_places();

  std::unique_ptr<std::byte[]> inflated(const ZipEntry& entry, std::span<const std::byte> packed);

  std::shared_ptr<const MappedFile> mapping_;
  std::span<const std::byte> bytes_;
  std::string what_;
  std::uint64_t allowance_;
  std::uint64_t directory_ = 0;  // where the directory starts and the entries end
  std::vector<ZipEntry> entries_;
  std::map<std::uint64_t, Content> contents_;  // checked contents, by position
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/zip.ipp"
#endif
