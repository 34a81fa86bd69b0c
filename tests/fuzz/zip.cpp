// Fuzz target: the zip container, as it came and once more with sizes and checksums that fit its contents, so that
// mutations get past them.
#include "nada/formats/zip.hpp"

#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

#include "fuzz.hpp"

using namespace nada;

namespace {

void read(fuzz::Bytes bytes) {
  fuzz::attempt("input", bytes.size(), [&] {
    ZipArchive archive(bytes, "input");
    fuzz::hold(archive.find("data.pkl") == nullptr || archive.find("data.pkl")->name == "data.pkl", "another entry");
    for (const auto& entry : archive.entries())
      fuzz::attempt("input", bytes.size(), [&] {
        const auto content = archive.entry(entry.name);
        fuzz::hold(content.size() == entry.size, "an entry of another size than announced");
        fuzz::touch(content);
      });
  });
}

/// The content of a raw deflate stream, its first 64 KiB.
std::string inflated(std::string_view packed) {
  z_stream stream{};
  if (::inflateInit2(&stream, -15) != Z_OK) return {};
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closing(&stream, &::inflateEnd);
  std::string content(std::size_t{1} << 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(content.size());
  ::inflate(&stream, Z_FINISH);
  content.resize(content.size() - stream.avail_out);
  return content;
}

template <class Number>
void put(std::string& bytes, std::size_t at, Number number) {
  std::memcpy(bytes.data() + at, &number, sizeof number);
}

/// The CRC and the size of each record of the directory that describes something readable, replaced by true ones.
std::string repaired(fuzz::Bytes bytes) {
  std::string out(detail::as_text(bytes));
  constexpr std::size_t record = 46, header = 30;
  for (auto at = out.find("PK\1\2"); at != out.npos && out.size() - at >= record; at = out.find("PK\1\2", at + 4)) {
    const auto packed = std::size_t{detail::number_at<std::uint32_t>(bytes, at + 20)};
    const auto place = std::size_t{detail::number_at<std::uint32_t>(bytes, at + 42)};
    if (out.size() < header || place > out.size() - header) continue;
    const auto data = place + header + detail::number_at<std::uint16_t>(bytes, place + 26) +
                      detail::number_at<std::uint16_t>(bytes, place + 28);
    if (data > out.size() || packed > out.size() - data) continue;
    auto content = std::string(detail::as_text(bytes.subspan(data, packed)));
    if (detail::number_at<std::uint16_t>(bytes, at + 10) == 8) {
      content = inflated(content);
      put(out, at + 24, static_cast<std::uint32_t>(content.size()));
    }
    const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
    put(out, at + 16, static_cast<std::uint32_t>(crc));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_input(data, size);
  read(bytes);
  const auto better = repaired(bytes);
  if (better != detail::as_text(bytes)) read(std::as_bytes(std::span(better)));
  return 0;
}
