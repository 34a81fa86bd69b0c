// Bodies of file.hpp.
#pragma once
#include "nada/formats/file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/hub_address.hpp"

namespace nada {

NADA_INLINE std::filesystem::path relative_to(const std::filesystem::path& path, const std::filesystem::path& folder) {
  if (is_hub_address(path)) return pinned(path);
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

NADA_INLINE void append_whole(const Descriptor& file, std::string_view text, const std::filesystem::path& path) {
  const auto before = ::lseek(file.number(), 0, SEEK_END);
  while (!text.empty()) {  // one call of write(), unless a signal or a full disk cuts it
    const auto count = ::write(file.number(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int error = count < 0 ? errno : EIO;
      if (before >= 0 && ::ftruncate(file.number(), before) != 0) {
        // The part of a line stays; readers pass over it.
      }
      fail("cannot write ", path, ": ", reason(error));
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// Hands an open file or folder to the disk. Returns 0 or the error; file systems that cannot do so give 0.
NADA_INLINE int sync(int descriptor) {
  int result = 0;
  do result = ::fsync(descriptor);
  while (result != 0 && errno == EINTR);
  return result == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS ? 0 : errno;
}

NADA_INLINE int sync_folder(const std::filesystem::path& folder) {
  int number = -1;
  do number = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (number < 0 && errno == EINTR);
  if (number < 0) return errno == EACCES ? 0 : errno;  // a folder may be written and not read
  const Descriptor open(number);
  return sync(number);
}

NADA_INLINE std::filesystem::path temporary_name(const std::filesystem::path& target) {
  static std::atomic<std::uint64_t> count = 0;
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)  // a kernel without it
    number = static_cast<std::uint64_t>(::getpid()) * 100'000 + ++count;
  return target.parent_path() / join(".", target.filename(), ".", number % 1'000'000'000'000, ".tmp");
}

NADA_INLINE void put_in_place(const std::filesystem::path& temporary, const std::filesystem::path& target) {
  const auto check = [&](int error) {
    if (error != 0) fail("cannot write ", target, ": ", reason(error));
  };
  const Descriptor file(::open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
  check(file.number() < 0 ? errno : sync(file.number()));
  check(::rename(temporary.c_str(), target.c_str()) != 0 ? errno : 0);
  check(sync_folder(target.parent_path()));
}

}  // namespace detail

NADA_INLINE void sync_folder(const std::filesystem::path& folder) {
  if (const int error = detail::sync_folder(folder); error != 0)
    fail("cannot write ", folder, ": ", detail::reason(error));
}

NADA_INLINE void sync_files(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder.empty() ? "." : folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->symlink_status().type() != std::filesystem::file_type::regular) continue;
    const detail::Descriptor file(::open(at->path().c_str(), O_RDONLY | O_CLOEXEC));
    if (file.number() < 0) continue;  // it is gone, or not ours to read
    if (const int problem = detail::sync(file.number()); problem != 0)
      fail("cannot write ", at->path(), ": ", detail::reason(problem));
  }
}

NADA_INLINE void make_folders(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> missing;  // the lowest first
  for (auto path = folder.has_filename() ? folder : folder.parent_path();
       !path.empty() && path != path.root_path() && !fs::is_directory(path, error); path = path.parent_path())
    missing.push_back(path);
  for (; !missing.empty(); missing.pop_back()) {
    fs::create_directory(missing.back(), error);
    require(!error, "cannot make the folder ", folder, ": ", error.message());
    sync_folder(missing.back().parent_path());
  }
}

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

NADA_INLINE void MappedFile::allow_private_writes() const {
  if (size_ != 0 && ::mprotect(start_, size_, PROT_READ | PROT_WRITE) != 0) detail::fail_to_read(path_, errno);
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
  folder_ = folder;
  make_temporary();
}

NADA_INLINE void AtomicFile::make_temporary() {
  int number = -1;
  for (int tries = 0; number < 0; ++tries) {
    temporary_ = detail::temporary_name(final_);
    number = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (number < 0 && errno != EINTR && (errno != EEXIST || tries > 100))
      fail("cannot write ", target_, ": ", detail::reason(errno));
  }
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
  if (const int error = detail::sync(file_.number()); error != 0) give_up(error);
  if (const int error = file_.close(); error != 0) give_up(error);
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) give_up(errno);
  open_ = false;
  if (const int error = detail::sync_folder(folder_); error != 0) give_up(error);
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
