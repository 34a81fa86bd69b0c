/// Event files, which TensorBoard shows while a run goes on: numbers, pictures and texts by step.
///
///     record   length [8] | masked CRC-32C of it [4] | an Event [length] | masked CRC-32C of that [4], little-endian
///     Event    a protocol buffer: wall time, step, and a file version (the first record) or a Summary of tagged values
///
/// Source:  TensorFlow, core/lib/io/record_writer.cc, core/util/event.proto, core/framework/summary.proto; CRC-32C: RFC
///          3720, section 12.1 and appendix B.4; wire format: protobuf.dev/programming-guides/encoding.
/// Facts:   steps never fall from record to record; every record is written at once, so that a reader never waits in the
///          middle of one for long, and a run that is killed leaves at most one that is cut off.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "nada/formats/file.hpp"

namespace nada {

/// Returns the CRC-32C (Castagnoli) of bytes.
std::uint32_t crc32c(std::span<const std::byte> bytes);

/// EventFile is the event file of one run.
class EventFile {
 public:
  /// Starts the file. Where `step` is above 0 and the file is there, its records up to that step stay, so that a run
  /// that goes on repeats none; what follows is cut off, as is a record that is damaged.
  /// Errors:  a file that cannot be read or written.
  explicit EventFile(std::filesystem::path path, std::int64_t step = 0);

  /// Writes a number for each tag, in one record.
  void scalars(std::int64_t step, std::span<const std::pair<std::string, float>> values);
  /// Writes a picture: the bytes of a PNG file.
  /// Errors:  bytes that are no PNG file.
  void image(std::int64_t step, std::string_view tag, std::span<const std::byte> png);
  /// Writes a text, which TensorBoard shows as Markdown.
  void text(std::int64_t step, std::string_view tag, std::string_view text);

  /// Returns the last step that has a value of this tag; -1 where there is none.
  std::int64_t last(std::string_view tag) const;

 private:
  void keep(std::int64_t step);
  void append(const std::string& event);                               // as one record
  void write(std::int64_t step, std::span<const std::string> values);  // messages Summary.Value

  std::filesystem::path path_;
  detail::Descriptor file_;
  std::map<std::string, std::int64_t, std::less<>> last_;  // step by tag
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/tfevents.ipp"
#endif
