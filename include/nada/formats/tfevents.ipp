// Bodies of tfevents.hpp.
#pragma once
#include "nada/formats/tfevents.hpp"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/protobuf.hpp"

namespace nada {

namespace detail {

/// Returns the number of the first `size` bytes, the lowest first.
NADA_INLINE std::uint64_t number_of_bytes(std::string_view bytes, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

/// Numbers of fields and what the format fixes.
struct EventFields {
  static constexpr unsigned wall_time = 1, step = 2, file_version = 3, summary = 5;             // Event
  static constexpr unsigned value = 1;                                                          // Summary
  static constexpr unsigned tag = 1, simple_value = 2, image = 4, tensor = 8, metadata = 9;     // Summary.Value
  static constexpr unsigned height = 1, width = 2, colorspace = 3, encoded = 4;                 // Summary.Image
  static constexpr unsigned dtype = 1, shape = 2, string_val = 8, plugin = 1, plugin_name = 1;  // TensorProto, metadata
  static constexpr unsigned data_class = 4, tensor_class = 2, string_type = 7;
  static constexpr std::string_view version = "brain.Event:2";
};

/// The CRC of a record, as the format stores it: a CRC of bytes that hold their own CRC would be weak.
NADA_INLINE std::uint32_t masked_crc32c(std::string_view bytes) {
  const auto crc = crc32c(std::as_bytes(std::span(bytes)));
  return (crc >> 15 | crc << 17) + 0xA282EAD8U;
}

/// Returns an Event as a record.
NADA_INLINE std::string event_record(std::string_view event) {
  std::string out;
  append_bytes(out, event.size(), 8);
  append_bytes(out, masked_crc32c(out), 4);
  const auto crc = masked_crc32c(event);
  out += event;
  append_bytes(out, crc, 4);
  return out;
}

/// Takes the first record off `rest`. Returns its event; nothing where the record is damaged or cut off.
NADA_INLINE std::optional<std::string_view> take_event(std::string_view& rest) {
  constexpr std::size_t head = 12, foot = 4;
  if (rest.size() < head + foot || number_of_bytes(rest.substr(8), 4) != masked_crc32c(rest.substr(0, 8))) return {};
  const auto size = number_of_bytes(rest, 8);
  if (size > rest.size() - head - foot) return {};
  const auto event = rest.substr(head, size);
  if (number_of_bytes(rest.substr(head + size), foot) != masked_crc32c(event)) return {};
  rest.remove_prefix(head + size + foot);
  return event;
}

/// EventHead is what a run that goes on needs to know of an event.
struct EventHead {
  std::int64_t step = 0;
  std::string_view version;
  std::vector<std::string_view> tags;

  explicit EventHead(std::string_view event) {
    for (ProtobufReader fields(event); fields.next();) {
      if (fields.field == EventFields::step) step = static_cast<std::int64_t>(fields.value);
      if (fields.field == EventFields::file_version) version = fields.part;
      if (fields.field != EventFields::summary) continue;
      for (ProtobufReader values(fields.part); values.next();)
        for (ProtobufReader value(values.part); value.next();)
          if (value.field == EventFields::tag) tags.push_back(value.part);
    }
  }
};

NADA_INLINE double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace detail

NADA_INLINE std::uint32_t crc32c(std::span<const std::byte> bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      out[i] = i;
      for (int bit = 0; bit < 8; ++bit) out[i] = out[i] >> 1 ^ (out[i] & 1 ? 0x82F63B78U : 0U);
    }
    return out;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const auto byte : bytes) crc = table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

NADA_INLINE EventFile::EventFile(std::filesystem::path path, std::int64_t step) : path_(std::move(path)) {
  int number = -1;
  do number = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  while (number < 0 && errno == EINTR);
  require(number >= 0, "cannot write ", path_, ": ", detail::reason(errno));
  file_ = detail::Descriptor(number);
  keep(step);
}

NADA_INLINE void EventFile::keep(std::int64_t step) {
  const auto content = step > 0 ? read_text(path_, std::numeric_limits<std::size_t>::max()) : std::string();
  std::string_view rest(content);
  auto behind = rest.size();  // bytes behind the last record that stays
  for (bool first = true; const auto event = detail::take_event(rest); first = false) {
    const detail::EventHead head(*event);
    if ((first && head.version != detail::EventFields::version) || head.step > step) break;
    for (const auto tag : head.tags) last_.insert_or_assign(std::string(tag), head.step);
    behind = rest.size();
  }
  const auto size = content.size() - behind;
  require(::ftruncate(file_.number(), static_cast<off_t>(size)) == 0, "cannot write ", path_, ": ",
          detail::reason(errno));
  if (size == 0) {
    using F = detail::EventFields;
    ProtobufWriter event;
    event.number(F::wall_time, detail::seconds_since_1970()).part(F::file_version, F::version);
    append(event.bytes());
  }
}

NADA_INLINE void EventFile::append(const std::string& event) {
  const auto record = detail::event_record(event);
  detail::append_whole(file_, record, path_);
}

NADA_INLINE void EventFile::write(std::int64_t step, std::span<const std::string> values) {
  using F = detail::EventFields;
  ProtobufWriter summary, event;
  for (const auto& value : values) summary.part(F::value, value);
  event.number(F::wall_time, detail::seconds_since_1970());
  event.whole(F::step, static_cast<std::uint64_t>(step)).part(F::summary, summary.bytes());
  append(event.bytes());
  for (const auto tag : detail::EventHead(event.bytes()).tags) last_.insert_or_assign(std::string(tag), step);
}

NADA_INLINE void EventFile::scalars(std::int64_t step, std::span<const std::pair<std::string, float>> values) {
  using F = detail::EventFields;
  std::vector<std::string> parts;
  for (const auto& [tag, value] : values)
    parts.push_back(ProtobufWriter().part(F::tag, tag).number(F::simple_value, value).bytes());
  write(step, parts);
}

NADA_INLINE void EventFile::image(std::int64_t step, std::string_view tag, std::span<const std::byte> png) {
  using F = detail::EventFields;
  constexpr std::string_view signature = "\x89PNG\r\n\x1A\n";
  const std::string_view bytes(reinterpret_cast<const char*>(png.data()), png.size());
  require(bytes.size() >= 33 && bytes.starts_with(signature) && bytes.substr(12, 4) == "IHDR", path_, ": the picture ",
          in_quotes(tag), " is no PNG file");
  const auto side = [&](std::size_t at) {  // the header's numbers have the highest byte first
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
    return out;
  };
  const auto kind = static_cast<unsigned char>(bytes[25]);  // bit 1: colours, bit 2: alpha
  const unsigned channels = (kind & 2 ? 3 : 1) + (kind & 4 ? 1 : 0);
  ProtobufWriter image;
  image.whole(F::height, side(20)).whole(F::width, side(16)).whole(F::colorspace, channels).part(F::encoded, bytes);
  const std::string parts[] = {ProtobufWriter().part(F::tag, tag).part(F::image, image.bytes()).bytes()};
  write(step, parts);
}

NADA_INLINE void EventFile::text(std::int64_t step, std::string_view tag, std::string_view text) {
  using F = detail::EventFields;
  ProtobufWriter plugin, metadata, tensor;
  plugin.part(F::plugin_name, "text");
  metadata.part(F::plugin, plugin.bytes()).whole(F::data_class, F::tensor_class);
  tensor.whole(F::dtype, F::string_type).part(F::shape, "").part(F::string_val, text);  // of no dimensions
  const std::string parts[] = {
      ProtobufWriter().part(F::tag, tag).part(F::tensor, tensor.bytes()).part(F::metadata, metadata.bytes()).bytes()};
  write(step, parts);
}

NADA_INLINE std::int64_t EventFile::last(std::string_view tag) const {
  const auto found = last_.find(tag);
  return found == last_.end() ? -1 : found->second;
}

}  // namespace nada
