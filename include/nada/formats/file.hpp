/// Files as bytes: read through a mapping, written whole or not at all.
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"

namespace nada {

/// What a file says about itself, in words.
using Metadata = std::map<std::string, std::string>;

/// `path` as seen from `folder`; absolute where there is no way between them.
inline std::filesystem::path relative_to(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto absolute = std::filesystem::weakly_canonical(std::filesystem::absolute(path));
  const auto relative =
      absolute.lexically_relative(std::filesystem::weakly_canonical(std::filesystem::absolute(folder)));
  return relative.empty() ? absolute : relative;
}

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF).
inline bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned char lead = byte(at);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || text.size() - at < length) return false;
    for (std::size_t i = 1; i < length; ++i)
      if ((byte(at + i) & 0xC0) != 0x80) return false;
    if (lead == 0xE0 && byte(at + 1) < 0xA0) return false;  // overlong
    if (lead == 0xED && byte(at + 1) > 0x9F) return false;  // surrogates
    if (lead == 0xF0 && byte(at + 1) < 0x90) return false;  // overlong
    if (lead == 0xF4 && byte(at + 1) > 0x8F) return false;  // above U+10FFFF
    at += length;
  }
  return true;
}

namespace detail {

/// `text` from a file as it may stand in an error: in double quotes, on one line, at most about 80 bytes of it.
inline std::string quoted(std::string_view text) {
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

inline std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] inline void fail_to_read(const std::filesystem::path& path, int error) {
  if (error == ENOENT || error == ENOTDIR) fail(path, ": no such file");
  if (error == EISDIR) fail(path, ": is a folder, expected a file");
  fail(path, ": cannot be read: ", reason(error));
}

/// An open file descriptor; closed by its destructor.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  /// Closes now; 0 or the error that the system reports.
  int close() { return ::close(std::exchange(number_, -1)) == 0 || errno == EINTR ? 0 : errno; }

  /// Opens to read, or fails with a sentence that names the file.
  static Descriptor to_read(const std::filesystem::path& path, int flags = 0) {
    int number = -1;
    do number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
    while (number < 0 && errno == EINTR);
    if (number < 0) fail_to_read(path, errno);
    return Descriptor(number);
  }

 private:
  int number_;
};

}  // namespace detail

/// A regular file, mapped read-only. Pages are read when they are touched, so opening a large file is cheap.
/// The file must not be shortened by someone else meanwhile; nada itself replaces files and never shortens them.
/// Errors: the file is missing, is a folder or another thing without a size, or may not be read.
class MappedFile {
 public:
  explicit MappedFile(std::filesystem::path path) : path_(std::move(path)) {
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
  MappedFile(MappedFile&& other) noexcept
      : path_(std::move(other.path_)),
        start_(std::exchange(other.start_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(start_, other.start_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile() {
    if (start_ != nullptr) ::munmap(start_, size_);
  }

  /// The whole file; valid while this object (or the one it was moved to) lives.
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(start_), size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Gives memory back where `part` of the file was read; it stays readable. Parts of something else are left alone.
  void release(std::span<const std::byte> part) const {
    const auto all = bytes();
    if (part.empty() || part.data() < all.data() || part.data() + part.size() > all.data() + all.size()) return;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto offset = static_cast<std::size_t>(part.data() - all.data());
    const auto first = (offset + page - 1) / page * page, last = (offset + part.size()) / page * page;
    if (last > first) ::madvise(static_cast<std::byte*>(start_) + first, last - first, MADV_DONTNEED);
  }

 private:
  std::filesystem::path path_;
  void* start_ = nullptr;
  std::size_t size_ = 0;
};

/// The whole of a file, pipes included. Errors: as MappedFile, and more than `limit` bytes.
inline std::string read_text(const std::filesystem::path& path, std::size_t limit = std::size_t{256} << 20) {
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

/// Lets a write beyond the file size limit fail with an error instead of ending the program; call once, early in main.
inline void ignore_file_size_signal() { std::signal(SIGXFSZ, SIG_IGN); }

/// Writes a file whole or not at all: into `.<name>.<pid>.tmp` beside the target, renamed by commit().
/// A symbolic link is followed. One writer per target and process at a time; the folder must exist.
/// Errors: "cannot write <target>: <reason>"; the target is then as it was and the temporary is gone.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target) : target_(std::move(target)), final_(target_) {
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
    ::unlink(temporary_.c_str());  // left by a killed process that had our number
    int number = -1;
    do number = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    while (number < 0 && errno == EINTR);
    if (number < 0) fail("cannot write ", target_, ": ", detail::reason(errno));
    file_ = detail::Descriptor(number);
    open_ = true;
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  void write(std::span<const std::byte> bytes) {
    require(open_, "cannot write ", target_, ": it is already finished");
    constexpr std::size_t most = std::size_t{1} << 30;  // the system takes less than 2 GiB at a time
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_.number(), bytes.data(), std::min(bytes.size(), most));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) give_up(count < 0 ? errno : EIO);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Puts the file in its place; nothing can be written after.
  void commit() {
    require(open_, "cannot write ", target_, ": it is already finished");
    if (const int error = file_.close(); error != 0) give_up(error);
    if (::rename(temporary_.c_str(), final_.c_str()) != 0) give_up(errno);
    open_ = false;
  }

 private:
  void discard() noexcept {
    if (std::exchange(open_, false)) ::unlink(temporary_.c_str());
  }
  [[noreturn]] void give_up(int error) {
    discard();
    fail("cannot write ", target_, ": ", detail::reason(error));
  }

  std::filesystem::path target_;  // as given, for messages
  std::filesystem::path final_;   // links resolved
  std::filesystem::path temporary_;
  detail::Descriptor file_;
  bool open_ = false;
};

/// Writes `text` as the whole of a file. Errors: as AtomicFile.
inline void write_text(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

/// Removes what killed runs left: files `.<name>.<digits>.tmp` directly in `folder`. Returns how many.
/// Errors: the folder cannot be listed or a file cannot be removed.
inline std::size_t remove_stale_temporaries(const std::filesystem::path& folder) {
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
