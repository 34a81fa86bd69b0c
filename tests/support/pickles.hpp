/// Puts pickles, streams of torch.save and zip archives together byte by byte.
#pragma once
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/formats/safetensors.hpp"

namespace nada::test {

/// Returns `number` in little-endian bytes.
template <class Number>
std::string raw(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

inline std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Returns the elements of `tensor` in row-major order, whatever its strides.
inline std::string dense(const TensorView& tensor) {
  const auto size = static_cast<std::int64_t>(size_of(tensor.dtype));
  std::string out;
  const auto total = count(tensor);
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  for (std::int64_t i = 0; i < total; ++i) {
    std::int64_t at = 0;
    for (std::size_t d = 0; d < index.size(); ++d) at += index[d] * tensor.strides[d];
    out.append(reinterpret_cast<const char*>(tensor.bytes.data()) + at * size, static_cast<std::size_t>(size));
    for (std::size_t d = index.size(); d-- > 0 && ++index[d] == tensor.shape[d];) index[d] = 0;
  }
  return out;
}

/// The functions below return instructions of a pickle, one string each; a pickle is `\x80\x02`, some of these strings,
/// and a full stop.
namespace pickle {

inline std::string whole(std::string_view content, int protocol = 2) {
  return std::string("\x80") + static_cast<char>(protocol) + std::string(content) + ".";
}
inline std::string text(std::string_view value) {
  return "X" + raw(static_cast<std::uint32_t>(value.size())) + std::string(value);
}
inline std::string bytes(std::string_view value) {
  return "B" + raw(static_cast<std::uint32_t>(value.size())) + std::string(value);
}
inline std::string integer(std::int64_t value) { return "\x8a\x08" + raw(value); }
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
template <class... Parts>
std::string tuple(const Parts&... parts) {
  return "(" + (std::string() + ... + std::string(parts)) + "t";
}
template <class... Parts>
std::string list(const Parts&... parts) {
  return "](" + (std::string() + ... + std::string(parts)) + "e";
}
/// Makes a dict of keys and values in turn.
template <class... Parts>
std::string dict(const Parts&... parts) {
  return "}(" + (std::string() + ... + std::string(parts)) + "u";
}
inline std::string call(const std::string& function, const std::string& arguments) {
  return function + arguments + "R";
}
inline std::string storage(std::string_view type, std::string_view key, std::int64_t elements) {
  return tuple(text("storage"), global("torch", type), text(key), text("cpu"), integer(elements)) + "Q";
}
inline std::string sizes(const std::vector<std::int64_t>& numbers) {
  std::string out = "(";
  for (const auto number : numbers) out += integer(number);
  return out + "t";
}
inline std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              tuple(storage, integer(offset), sizes(shape), sizes(strides), "\x89",
                    call(global("collections", "OrderedDict"), ")")));
}

}  // namespace pickle

/// Returns a stream of torch.save before 2020: `object` and the storages by key, each `elements` numbers in `data`.
struct StreamStorage {
  std::string key;
  std::int64_t elements;
  std::string data;
};
inline std::string torch_stream(std::string_view object, const std::vector<StreamStorage>& storages) {
  using namespace pickle;
  std::string keys = "](", data;
  for (const auto& storage : storages) {
    keys += text(storage.key);
    data += raw(storage.elements) + storage.data;
  }
  const std::string magic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
  return whole(magic) + whole(integer(1001)) + whole(dict(text("little_endian"), "\x88")) + whole(object) +
         whole(keys + "e") + data;
}

/// An entry of an archive that a test makes; the entry's sizes and CRC can be lies.
struct ZipPart {
  std::string name, content;
  bool deflated = false;
  std::int64_t size_lie = -1;  // in the place of the content's size, in the directory
  std::uint32_t crc_lie = 0;   // added to the CRC
};

inline std::string deflated(std::string_view content) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Returns an archive; with `wide`, all sizes and places stand in ZIP64's records.
inline std::string zip_archive(const std::vector<ZipPart>& parts, bool wide = false) {
  std::string out, directory;
  for (const auto& part : parts) {
    const auto packed = part.deflated ? deflated(part.content) : part.content;
    const auto size = part.size_lie < 0 ? part.content.size() : static_cast<std::uint64_t>(part.size_lie);
    const auto crc = static_cast<std::uint32_t>(
                         crc32_z(0, reinterpret_cast<const Bytef*>(part.content.data()), part.content.size())) +
                     part.crc_lie;
    const auto position = std::uint64_t{out.size()};
    const auto narrow = [&](std::uint64_t number) {
      return raw(wide ? 0xFFFFFFFFU : static_cast<std::uint32_t>(number));
    };
    const auto common = raw(std::uint16_t{20}) + raw(std::uint16_t{0}) + raw(std::uint16_t(part.deflated ? 8 : 0)) +
                        raw(std::uint32_t{0}) + raw(crc) + narrow(packed.size()) + narrow(size) +
                        raw(static_cast<std::uint16_t>(part.name.size()));
    const auto sizes = wide ? raw(size) + raw(std::uint64_t{packed.size()}) : std::string();
    const auto extra = [&](const std::string& content) {
      return wide ? raw(std::uint16_t{1}) + raw(static_cast<std::uint16_t>(content.size())) + content : std::string();
    };
    const auto own = extra(sizes), listed = extra(sizes + raw(position));
    out += "PK\3\4" + common + raw(static_cast<std::uint16_t>(own.size())) + part.name + own + packed;
    directory += "PK\1\2" + raw(std::uint16_t{20}) + common + raw(static_cast<std::uint16_t>(listed.size())) +
                 std::string(10, '\0') + narrow(position) + part.name + listed;
  }
  const auto start = std::uint64_t{out.size()};
  const auto count = static_cast<std::uint16_t>(parts.size());
  out += directory;
  if (wide) {
    const auto place = std::uint64_t{out.size()};
    out += "PK\6\6" + raw(std::uint64_t{44}) + raw(std::uint32_t{0}) + std::string(8, '\0') +
           raw(std::uint64_t{count}) + raw(std::uint64_t{count}) + raw(std::uint64_t{directory.size()}) + raw(start);
    out += "PK\6\7" + raw(std::uint32_t{0}) + raw(place) + raw(std::uint32_t{1});
  }
  return out + "PK\5\6" + raw(std::uint32_t{0}) + raw(wide ? std::uint16_t{0xFFFF} : count) +
         raw(wide ? std::uint16_t{0xFFFF} : count) +
         raw(wide ? 0xFFFFFFFFU : static_cast<std::uint32_t>(directory.size())) +
         raw(wide ? 0xFFFFFFFFU : static_cast<std::uint32_t>(start)) + raw(std::uint16_t{0});
}

/// Returns an archive of torch.save since 2020.
inline std::string torch_archive(std::string_view object, const std::vector<StreamStorage>& storages) {
  std::vector<ZipPart> parts = {{.name = "archive/data.pkl", .content = pickle::whole(object)},
                                {.name = "archive/version", .content = "3\n"}};
  for (const auto& storage : storages)
    parts.push_back({.name = "archive/data/" + storage.key, .content = storage.data});
  return zip_archive(parts);
}

}  // namespace nada::test
