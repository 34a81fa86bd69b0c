// Bodies of file.hpp.
#pragma once
#include "nada/formats/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"

namespace nada {

NADA_INLINE std::filesystem::path relative_to(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto absolute = std::filesystem::weakly_canonical(std::filesystem::absolute(path));
  const auto relative =
      absolute.lexically_relative(std::filesystem::weakly_canonical(std::filesystem::absolute(folder)));
  return relative.empty() ? absolute : relative;
}

NADA_INLINE std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 80;
  const bool utf8 = is_utf8(text);
  std::size_t length = std::min(text.size(), most);
  while (utf8 && length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80)
    --length;
  std::string out = "\"";
  for (const char c : text.substr(0, length)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02X", static_cast<unsigned>(byte));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + (length < text.size() ? "...\"" : "\"");
}

namespace detail {
NADA_INLINE void fail_to_read(const std::filesystem::path& path, int error) {
  if (error == ENOENT || error == ENOTDIR) fail(path, ": no such file");
  if (error == EISDIR) fail(path, ": is a folder, expected a file");
  fail(path, ": cannot be read: ", reason(error));
}

NADA_INLINE Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

NADA_INLINE Descriptor Descriptor::to_read(const std::filesystem::path& path, int flags) {
  int number = -1;
  do number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  while (number < 0 && errno == EINTR);
  if (number < 0) fail_to_read(path, errno);
  return Descriptor(number);
}

}  // namespace detail

NADA_INLINE MappedFile::MappedFile(std::filesystem::path path) : path_(std::move(path)) {
  const auto file = detail::Descriptor::to_read(path_, O_NONBLOCK);  // a pipe without a writer must not block here
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) detail::fail_to_read(path_, errno);
  if (S_ISDIR(status.st_mode)) detail::fail_to_read(path_, EISDIR);
  require(S_ISREG(status.st_mode), path_, ": is a device or a pipe, expected a regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;  // mmap refuses empty ranges
  void* const start = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (start == MAP_FAILED) detail::fail_to_read(path_, errno);
  start_ = start;
}

NADA_INLINE MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      start_(std::exchange(other.start_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

NADA_INLINE MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  return *this;
}

NADA_INLINE void MappedFile::release(std::span<const std::byte> part) const {
  const auto all = bytes();
  if (part.empty() || part.data() < all.data() || part.data() + part.size() > all.data() + all.size()) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - all.data());
  const auto first = (offset + page - 1) / page * page, last = (offset + part.size()) / page * page;
  if (last > first) ::madvise(static_cast<std::byte*>(start_) + first, last - first, MADV_DONTNEED);
}

NADA_INLINE std::string read_text(const std::filesystem::path& path, std::size_t limit) {
  const auto file = detail::Descriptor::to_read(path);
  std::string text;
  std::vector<char> part(std::size_t{1} << 16);
  for (;;) {
    const ssize_t count = ::read(file.number(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) detail::fail_to_read(path, errno);
    if (count == 0) return text;
    require(static_cast<std::size_t>(count) <= limit - text.size(), path, ": is larger than the ", limit,
            " bytes expected at most");
    text.append(part.data(), static_cast<std::size_t>(count));
  }
}

NADA_INLINE AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)), final_(target_) {
  namespace fs = std::filesystem;
  std::error_code error;
  require(target_.has_filename() && target_.filename() != "." && target_.filename() != "..", "cannot write ", target_,
          ": it names a folder, expected a file");
  if (fs::is_symlink(target_, error))
    if (const auto real = fs::canonical(target_, error); !error) final_ = real;
  const auto type = fs::status(final_, error).type();
  require(type != fs::file_type::directory, "cannot write ", target_, ": it is a folder");
  for (const auto special :
       {fs::file_type::block, fs::file_type::character, fs::file_type::fifo, fs::file_type::socket})
    require(type != special, "cannot write ", target_, ": it is not a regular file");
  const auto folder = final_.has_parent_path() ? final_.parent_path() : fs::path(".");
  require(fs::status(folder, error).type() != fs::file_type::not_found, "cannot write ", target_,
          ": there is no folder ", folder);
  temporary_ = folder / join(".", final_.filename(), ".", ::getpid(), ".tmp");
  ::unlink(temporary_.c_str());  // a killed process with the same number may have left this file
  int number = -1;
  do number = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  while (number < 0 && errno == EINTR);
  if (number < 0) fail("cannot write ", target_, ": ", detail::reason(errno));
  file_ = detail::Descriptor(number);
  open_ = true;
}

NADA_INLINE void AtomicFile::write(std::span<const std::byte> bytes) {
  require(open_, "cannot write ", target_, ": it is already finished");
  constexpr std::size_t most = std::size_t{1} << 30;  // the system takes less than 2 GiB at a time
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.number(), bytes.data(), std::min(bytes.size(), most));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) give_up(count < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

NADA_INLINE void AtomicFile::commit() {
  require(open_, "cannot write ", target_, ": it is already finished");
  if (const int error = file_.close(); error != 0) give_up(error);
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) give_up(errno);
  open_ = false;
}

NADA_INLINE void AtomicFile::give_up(int error) {
  discard();
  fail("cannot write ", target_, ": ", detail::reason(error));
}

NADA_INLINE void write_text(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

NADA_INLINE std::size_t remove_stale_temporaries(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const auto is_temporary = [](std::string_view name) {
    constexpr std::string_view end = ".tmp";
    if (!name.starts_with('.') || !name.ends_with(end)) return false;
    name = name.substr(1, name.size() - 1 - end.size());
    const auto dot = name.rfind('.');
    return dot != name.npos && dot > 0 && dot + 1 < name.size() &&
           name.find_first_not_of("0123456789", dot + 1) == name.npos;
  };
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (is_temporary(at->path().filename().native()) && at->symlink_status().type() == fs::file_type::regular)
      found.push_back(at->path());
  require(!error, folder, ": cannot be listed: ", error.message());
  for (const auto& path : found) {
    fs::remove(path, error);
    require(!error, path, ": cannot be removed: ", error.message());
  }
  return found.size();
}

}  // namespace nada
