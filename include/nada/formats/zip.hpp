/// Zip archives, read through a mapping: what torch.save and TorchScript write since 2020.
///
/// The directory at the end of the file is the truth; each entry's own header must agree with it on name and place.
/// Entries lie apart from each other and from the directory, no two have one name, and their CRC is checked when they
/// are read. Stored and deflated entries and ZIP64 are read; encrypted, split and self-extracting archives are not.
///
/// Source:  PKWARE, APPNOTE.TXT - .ZIP File Format Specification (6.3.10), sections 4.3 to 4.5.
/// Facts:   what is inflated takes at most 24 MiB and the archive's size, all entries together.
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

/// What the directory says about an entry.
struct ZipEntry {
  std::string_view name;
  std::uint64_t position = 0;  // of its header in the archive
  std::uint64_t data = 0;      // of its content
  std::uint64_t packed = 0;    // bytes in the archive
  std::uint64_t size = 0;      // bytes of the content
  std::uint32_t crc = 0;
  std::uint16_t method = 0;  // 0 stored, 8 deflated
  bool encrypted = false;
};

namespace detail {

/// The little-endian number at `at`, which must lie inside.
template <class Number>
Number number_at(std::span<const std::byte> bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

/// The start of a sentence about a part of a file; it becomes text only where there is an error.
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

/// An open archive. Moves keep the contents where they are; reading is not for several threads at once.
class ZipArchive {
 public:
  /// Errors: the file cannot be read; as the constructor.
  static ZipArchive open(const std::filesystem::path& path);

  /// Over bytes of someone else, who keeps them; `what` names them in errors.
  /// Errors: no directory, or one that contradicts itself or the entries' headers.
  ZipArchive(std::span<const std::byte> bytes, std::string what);

  /// Whether `bytes` start as an archive does.
  static bool recognises(std::span<const std::byte> bytes);

  /// Sorted by name.
  std::span<const ZipEntry> entries() const { return entries_; }
  /// The entry of that name, or nullptr.
  const ZipEntry* find(std::string_view name) const;

  /// The content; valid while this archive, or the one it was moved to, lives.
  /// Errors: there is no such entry, it is of a kind that is not read, or its content is not what was written.
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

  /// Errors: there is no end record, it is not this archive's, or it points outside.
  Directory find_directory() const;

  void read_directory(const Directory& directory);

  /// Numbers that do not fit in 32 bits stand in an extra field, in this order, and only those.
  void read_long_numbers(ZipEntry& entry, std::span<const std::byte> extra) const;

  /// Where each entry's content lies: inside the archive, before the directory, apart from the others.
  void check_places();

  std::unique_ptr<std::byte[]> inflated(const ZipEntry& entry, std::span<const std::byte> packed);

  std::shared_ptr<const MappedFile> mapping_;
  std::span<const std::byte> bytes_;
  std::string what_;
  std::uint64_t allowance_;
  std::uint64_t directory_ = 0;  // where the directory starts and the entries end
  std::vector<ZipEntry> entries_;
  std::map<std::uint64_t, Content> contents_;  // checked ones, by position
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/zip.ipp"
#endif
