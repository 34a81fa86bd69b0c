// Bodies of zip.hpp.
#pragma once
#include "nada/formats/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE ZipArchive ZipArchive::open(const std::filesystem::path& path) {
  auto mapping = std::make_shared<const MappedFile>(path);
  ZipArchive archive(mapping->bytes(), path.string());
  archive.mapping_ = std::move(mapping);
  return archive;
}

NADA_INLINE ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string what)
    : bytes_(bytes), what_(std::move(what)), allowance_((std::uint64_t{24} << 20) + bytes.size()) {
  read_directory(find_directory());
  check_places();
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(entries_.begin(), entries_.end(),
                                        [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != entries_.end()) fail(what_, ": has the entry ", in_quotes(twice->name), " twice");
}

NADA_INLINE bool ZipArchive::recognises(std::span<const std::byte> bytes) {
  const auto text = detail::as_text(bytes.first(std::min<std::size_t>(bytes.size(), 4)));
  return text == std::string_view("PK\3\4") || text == std::string_view("PK\5\6");
}

NADA_INLINE const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), name,
                                   [](const ZipEntry& entry, std::string_view key) { return entry.name < key; });
  return at != entries_.end() && at->name == name ? &*at : nullptr;
}

NADA_INLINE std::span<const std::byte> ZipArchive::entry(std::string_view name) {
  const auto* const found = find(name);
  if (found == nullptr) fail(what_, ": has no entry ", in_quotes(name));
  const auto known = contents_.find(found->position);
  if (known != contents_.end()) return known->second.bytes;

  const detail::PartOfFile start{what_, "entry", name};
  require(!found->encrypted, start, " is encrypted, which is not read");
  require(found->method == 0 || found->method == 8, start, " is packed with method ", found->method,
          ", only 0 (stored) and 8 (deflated) are read");
  const auto packed = bytes_.subspan(static_cast<std::size_t>(found->data), static_cast<std::size_t>(found->packed));
  Content content;
  if (found->method == 0) {
    require(found->packed == found->size, start, " is stored in ", found->packed, " bytes and said to have ",
            found->size);
    content.bytes = packed;
  } else {
    content.inflated = inflated(*found, packed);
    content.bytes = {content.inflated.get(), static_cast<std::size_t>(found->size)};
  }
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.bytes.data()), content.bytes.size());
  require(crc == found->crc, start, " is damaged: its CRC is ", crc, ", expected ", found->crc);
  return contents_.emplace(found->position, std::move(content)).first->second.bytes;
}

NADA_INLINE bool ZipArchive::has(std::uint64_t position, std::string_view signature) const {
  return position <= bytes_.size() && bytes_.size() - position >= signature.size() &&
         std::memcmp(bytes_.data() + position, signature.data(), signature.size()) == 0;
}

NADA_INLINE ZipArchive::Directory ZipArchive::find_directory() const {
  std::optional<std::uint64_t> end;
  for (std::uint64_t back = end_size; back <= bytes_.size() && back <= end_size + 0xFFFF; ++back) {
    const auto position = bytes_.size() - back;
    if (has(position, "PK\5\6") && at<std::uint16_t>(position + 20) == back - end_size) {
      end = position;
      break;
    }
  }
  require(end.has_value(), what_, ": is cut off or not a zip archive: no directory was found at its end");
  Directory directory{.position = at<std::uint32_t>(*end + 16),
                      .size = at<std::uint32_t>(*end + 12),
                      .count = at<std::uint16_t>(*end + 10)};
  bool whole = at<std::uint16_t>(*end + 4) == at<std::uint16_t>(*end + 6) &&
               at<std::uint16_t>(*end + 8) == at<std::uint16_t>(*end + 10);
  auto limit = *end;
  if (*end >= locator_size && has(*end - locator_size, "PK\6\7")) {  // ZIP64
    const auto place = at<std::uint64_t>(*end - locator_size + 8);
    require(place <= *end - locator_size && *end - locator_size - place >= end64_size && has(place, "PK\6\6"), what_,
            ": is cut off or damaged: its 64-bit end record should be at byte ", place);
    whole = at<std::uint32_t>(place + 16) == at<std::uint32_t>(place + 20) &&
            at<std::uint64_t>(place + 24) == at<std::uint64_t>(place + 32);
    directory = {.position = at<std::uint64_t>(place + 48),
                 .size = at<std::uint64_t>(place + 40),
                 .count = at<std::uint64_t>(place + 32)};
    limit = place;
  }
  require(whole, what_, ": is a part of a split archive, which is not read");
  require(directory.position <= limit && directory.size <= limit - directory.position, what_,
          ": is cut off or damaged: its directory of ", directory.size, " bytes should start at byte ",
          directory.position, " and the file has ", bytes_.size(), " bytes");
  require(directory.count <= most_entries && directory.count <= directory.size / record_size, what_,
          ": a directory of ", directory.size, " bytes cannot hold ", directory.count, " entries");
  return directory;
}

NADA_INLINE void ZipArchive::read_directory(const Directory& directory) {
  directory_ = directory.position;
  entries_.reserve(static_cast<std::size_t>(directory.count));
  auto position = directory.position;
  const auto end = directory.position + directory.size;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    require(end - position >= record_size && has(position, "PK\1\2"), what_, ": the directory's record ", i + 1,
            " is not there");
    const std::uint64_t name = at<std::uint16_t>(position + 28), extra = at<std::uint16_t>(position + 30);
    const auto length = record_size + name + extra + at<std::uint16_t>(position + 32);
    require(length <= end - position, what_, ": the directory's record ", i + 1, " is cut off");
    ZipEntry entry;
    entry.name = detail::as_text(bytes_.subspan(static_cast<std::size_t>(position + record_size), name));
    entry.encrypted = (at<std::uint16_t>(position + 8) & 1) != 0;
    entry.method = at<std::uint16_t>(position + 10);
    entry.crc = at<std::uint32_t>(position + 16);
    entry.packed = at<std::uint32_t>(position + 20);
    entry.size = at<std::uint32_t>(position + 24);
    entry.position = at<std::uint32_t>(position + 42);
    read_long_numbers(entry, bytes_.subspan(static_cast<std::size_t>(position + record_size + name), extra));
    entries_.push_back(entry);
    position += length;
  }
}

NADA_INLINE void ZipArchive::read_long_numbers(ZipEntry& entry, std::span<const std::byte> extra) const {
  std::vector<std::uint64_t*> missing;
  for (auto* const number : {&entry.size, &entry.packed, &entry.position})
    if (*number == 0xFFFFFFFF) missing.push_back(number);
  if (missing.empty()) return;
  while (extra.size() >= 4) {
    const auto id = detail::number_at<std::uint16_t>(extra, 0);
    const std::size_t length = detail::number_at<std::uint16_t>(extra, 2);
    if (length > extra.size() - 4) break;
    if (id == 1 && length >= 8 * missing.size()) {
      for (std::size_t i = 0; i < missing.size(); ++i) *missing[i] = detail::number_at<std::uint64_t>(extra, 4 + 8 * i);
      return;
    }
    extra = extra.subspan(4 + length);
  }
  fail(what_, ": the entry ", in_quotes(entry.name), " lacks its 64-bit sizes");
}

NADA_INLINE void ZipArchive::check_places() {
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.position < b.position; });
  std::uint64_t free = 0;
  const ZipEntry* previous = nullptr;
  for (auto& entry : entries_) {
    const detail::PartOfFile start{what_, "entry", entry.name};
    require(entry.position <= directory_ && directory_ - entry.position >= header_size, start, " should start at byte ",
            entry.position, ", beyond the archive's data, which end at byte ", directory_);
    require(has(entry.position, "PK\3\4"), start, " has no header at byte ", entry.position);
    require(entry.position >= free, start, " overlaps ", previous ? in_quotes(previous->name) : "itself");
    const std::uint64_t name = at<std::uint16_t>(entry.position + 26), extra = at<std::uint16_t>(entry.position + 28);
    entry.data = entry.position + header_size + name + extra;
    require(entry.data <= directory_ && entry.packed <= directory_ - entry.data, start, " has ", entry.packed,
            " bytes from byte ", entry.data, " on, beyond the archive's data, which end at byte ", directory_);
    const auto own = detail::as_text(bytes_.subspan(static_cast<std::size_t>(entry.position + header_size), name));
    require(own == entry.name, start, " calls itself ", in_quotes(own));
    free = entry.data + entry.packed;
    previous = &entry;
  }
}

NADA_INLINE std::unique_ptr<std::byte[]> ZipArchive::inflated(const ZipEntry& entry,
                                                              std::span<const std::byte> packed) {
  const detail::PartOfFile start{what_, "entry", entry.name};
  require(entry.size / 1032 <= entry.packed, start, " cannot grow from ", entry.packed, " to ", entry.size,
          " bytes");  // deflate's highest rate
  require(entry.size <= allowance_, start, " would take ", entry.size,
          " bytes, more than an archive of this size is allowed");
  allowance_ -= entry.size;
  const auto size = static_cast<std::size_t>(entry.size);
  auto content = std::make_unique_for_overwrite<std::byte[]>(size);

  z_stream stream{};
  require(::inflateInit2(&stream, -15) == Z_OK, start, " cannot be inflated: zlib does not start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closing(&stream, &::inflateEnd);
  constexpr std::size_t most = std::numeric_limits<uInt>::max();
  std::size_t taken = 0, given = 0;
  int state = Z_OK;
  Bytef beyond = 0;  // a place to write to when the content is complete
  while (state == Z_OK) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + taken));
    stream.avail_in = static_cast<uInt>(std::min(most, packed.size() - taken));
    const auto room = given < size ? std::min(most, size - given) : std::size_t{1};
    stream.next_out = given < size ? reinterpret_cast<Bytef*>(content.get() + given) : &beyond;
    stream.avail_out = static_cast<uInt>(room);
    const auto offered = stream.avail_in;
    state = ::inflate(&stream, Z_NO_FLUSH);
    taken += offered - stream.avail_in;
    const auto made = room - stream.avail_out;
    require(given + made <= size, start, " is damaged: it inflates to more than its ", entry.size, " bytes");
    given += made;
    if (offered == stream.avail_in && made == 0) break;
  }
  require(state == Z_STREAM_END && given == size && taken == packed.size(), start,
          " is damaged: it does not inflate to its ", entry.size, " bytes");
  return content;
}

}  // namespace nada
