/// Zip archives of stored entries, written whole or not at all. Each content starts at a multiple of 64 bytes, as in the
/// archives of torch.save, so that a reader can map the contents where they lie.
///
/// Source:  PKWARE, APPNOTE.TXT - .ZIP File Format Specification (6.3.10), sections 4.3 and 4.4; PyTorch,
///          caffe2/serialize/inline_container.cc (the extra field "FB" that fills the gaps).
/// Facts:   ZipArchive reads what was written; the same entries give the same bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "nada/formats/file.hpp"

namespace nada {

/// ZipWriter writes an archive to a file, which is there after finish() and not before.
/// Errors:  as AtomicFile; 65535 entries or more, 4 GiB or more (ZIP64, which would take them, is not written).
class ZipWriter {
 public:
  static constexpr std::size_t alignment = 64;  // bytes

  explicit ZipWriter(std::filesystem::path path) : path_(std::move(path)), file_(path_) {}

  /// Writes an entry. `name` is ASCII, at most 1000 bytes, with slashes between folders; no two entries have one name.
  void add(std::string_view name, std::span<const std::byte> content);
  void add(std::string_view name, std::string_view content) { add(name, std::as_bytes(std::span(content))); }

  /// Writes the directory and puts the file in its place; nothing can be added afterwards.
  void finish();

 private:
  static constexpr std::uint64_t too_large = 0xFFFFFFFF, too_many = 0xFFFF;  // these values announce ZIP64

  std::filesystem::path path_;
  AtomicFile file_;
  std::string directory_;
  std::uint64_t position_ = 0, count_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/zip_writer.ipp"
#endif
