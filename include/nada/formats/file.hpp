/// Files as bytes: read through a mapping, written whole or not at all.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace nada {

/// Metadata are the words of a file about itself, by key.
using Metadata = std::map<std::string, std::string>;

/// Returns `path` as seen from `folder`; an absolute path where there is no way between the two, and
/// an address of the Hugging Face Hub (formats/hub_address.hpp) as it is, with the commit where that is known.
std::filesystem::path relative_to(const std::filesystem::path& path, const std::filesystem::path& folder);

/// Returns `text` from a file or a client in the form for an error: in double quotes, on one line, at most about 80
/// bytes of the text.
std::string in_quotes(std::string_view text);

namespace detail {

inline std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail_to_read(const std::filesystem::path& path, int error);

/// Descriptor is an open file descriptor, which its destructor closes.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  /// Closes the descriptor now. Returns 0 or the error that the system reports.
  int close() { return ::close(std::exchange(number_, -1)) == 0 || errno == EINTR ? 0 : errno; }

  /// Opens a file to read.
  /// Errors:  a file that cannot be opened; the sentence names the file.
  static Descriptor to_read(const std::filesystem::path& path, int flags = 0);

 private:
  int number_;
};

/// Returns a name beside `target` for what is written before `target` is: `.<name>.<number>.tmp`, with a number that is
/// drawn anew in each call.
std::filesystem::path temporary_name(const std::filesystem::path& target);

/// Hands `temporary` to the disk, renames it to `target` and hands over the folder.
/// Errors:  "cannot write <target>: <reason>".
void put_in_place(const std::filesystem::path& temporary, const std::filesystem::path& target);

/// Appends `text` to a file that is open to append, whole or not at all.
/// Errors:  "cannot write <path>: <reason>"; the file then has its former length.
void append_whole(const Descriptor& file, std::string_view text, const std::filesystem::path& path);

}  // namespace detail

/// MappedFile is a regular file, mapped read-only. Pages are read when they are touched, so opening a large file is
/// cheap. Nobody may shorten the file meanwhile; nada itself replaces files and shortens none but event files
/// (formats/tfevents.hpp), which it maps nowhere.
/// Errors:  a file that is missing, is a folder or another thing without a size, or may not be read.
class MappedFile {
 public:
  explicit MappedFile(std::filesystem::path path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile() {
    if (start_ != nullptr) ::munmap(start_, size_);
  }

  /// The whole file; valid while this object (or the one that it was moved to) lives.
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(start_), size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Gives back the memory where `part` of the file was read; the part stays readable. Bytes of another file
  /// are left alone.
  void release(std::span<const std::byte> part) const;
  /// Lets the process write to bytes(), in copies of their pages that the file never sees.
  /// Errors:  no memory for that.
  void allow_private_writes() const;

 private:
  std::filesystem::path path_;
  void* start_ = nullptr;
  std::size_t size_ = 0;
};

/// Returns the whole of a file; pipes are read too.
/// Errors:  as MappedFile; more than `limit` bytes.
std::string read_text(const std::filesystem::path& path, std::size_t limit = std::size_t{256} << 20);

/// Lets a write beyond the file size limit fail with an error instead of ending the program; call it once,
/// early in main.
inline void ignore_file_size_signal() { std::signal(SIGXFSZ, SIG_IGN); }

/// Asks the system to keep what a folder lists, so that a power cut does not take back a new name. File systems that
/// cannot are passed over.
/// Errors:  "cannot write <folder>: <reason>".
void sync_folder(const std::filesystem::path& folder);

/// Hands the regular files directly in a folder to the disk: those that grow by appending (metrics.csv), which a saved
/// state must not be ahead of.
/// Errors:  "cannot write <file>: <reason>".
void sync_files(const std::filesystem::path& folder);

/// Makes a folder and those above it, where they are missing, and keeps their names as sync_folder does.
/// Errors:  "cannot make the folder <folder>: <reason>".
void make_folders(const std::filesystem::path& folder);

/// AtomicFile writes a file whole or not at all, also where power fails: into `.<name>.<number>.tmp` beside the target,
/// which commit() hands to the disk, renames, and whose folder it hands to the disk. The number is drawn anew for each
/// writer, so writers of one target, in threads or on machines that share the folder, never write into one temporary;
/// the last to commit gives the content. A symbolic link is followed. The folder must exist.
/// Errors:  "cannot write <target>: <reason>"; the target is then the old or the new one, whole, and the temporary is
///          gone.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Puts the file in its place, on the disk; nothing can be written afterwards.
  void commit();

 private:
  void discard() noexcept {
    if (std::exchange(open_, false)) ::unlink(temporary_.c_str());
  }
  [[noreturn]] void give_up(int error);
  void make_temporary();

  std::filesystem::path target_;  // as given, for messages
  std::filesystem::path final_;   // links resolved
  std::filesystem::path folder_, temporary_;
  detail::Descriptor file_;
  bool open_ = false;
};

/// Writes `text` as the whole of a file.
/// Errors:  as AtomicFile.
void write_text(const std::filesystem::path& path, std::string_view text);

/// Removes the files that killed runs left, `.<name>.<digits>.tmp` directly in `folder`. Returns how many were removed.
/// Errors:  a folder that cannot be listed, a file that cannot be removed.
std::size_t remove_stale_temporaries(const std::filesystem::path& folder);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/file.ipp"
#endif
