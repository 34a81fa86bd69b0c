// A library to preload (LD_PRELOAD) that makes one call of the system fail, as a full disk, a quota or a bad disk does.
// Only calls about files under a folder count, in the order of the whole process:
//     FAIL_UNDER=/tmp/out FAIL_AT=7 FAIL_WITH=ENOSPC LD_PRELOAD=failing_writes.so adapt --out /tmp/out ...
//     FAIL_LOG=calls.txt        appends a line for each call that counts: its name and what it is about
// Calls that count: write, writev, pwrite, fsync, fdatasync, rename, mkdir, and open where it makes a file.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

namespace {

std::atomic<long> calls{0};

struct Settings {
  std::string under;
  long at = -1;
  int error = ENOSPC, log = -1;

  Settings() {
    char real[4096];
    if (const char* const folder = getenv("FAIL_UNDER")) {
      const std::string text = folder;  // the folder itself may not be there yet
      const auto slash = text.rfind('/');
      under = realpath(text.substr(0, slash).c_str(), real) != nullptr ? real + text.substr(slash) : text;
    }
    if (const char* const number = getenv("FAIL_AT")) at = strtol(number, nullptr, 10);
    if (const char* const path = getenv("FAIL_LOG"))
      log = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (const char* const name = getenv("FAIL_WITH"))
      error = strcmp(name, "EIO") == 0 ? EIO : strcmp(name, "EDQUOT") == 0 ? EDQUOT : ENOSPC;
  }
};
const Settings& settings() {
  static const Settings once;
  return once;
}

bool is_under(const std::string& path) {
  const auto& under = settings().under;
  return !under.empty() && path.compare(0, under.size(), under) == 0;
}

// Returns a path from the root; its folder must be there.
std::string absolute(const char* path) {
  if (path == nullptr) return {};
  std::string text = path;
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  const auto slash = text.rfind('/');
  const auto folder = slash == std::string::npos ? std::string(".")
                      : slash == 0               ? std::string("/")
                                                 : text.substr(0, slash);
  char real[4096];
  if (realpath(folder.c_str(), real) == nullptr) return {};
  return std::string(real) + "/" + (slash == std::string::npos ? text : text.substr(slash + 1));
}
std::string path_of(int file) {
  char real[4096];
  const auto link = "/proc/self/fd/" + std::to_string(file);
  const auto size = readlink(link.c_str(), real, sizeof real);
  return size > 0 ? std::string(real, static_cast<size_t>(size)) : std::string();
}

// Counts a call about `path`. Returns whether it is the one to fail; errno then says why.
bool fails(const std::string& path, const char* name) {
  if (!is_under(path)) return false;
  const auto number = ++calls;
  if (settings().log >= 0) {
    const auto line = std::string(name) + " " + path + "\n";
    syscall(SYS_write, settings().log, line.data(), line.size());
  }
  if (number != settings().at) return false;
  errno = settings().error;
  return true;
}

template <class Function>
Function next(Function, const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* bytes, size_t size) {
  return fails(path_of(file), "write") ? -1 : next(write, "write")(file, bytes, size);
}
ssize_t writev(int file, const iovec* parts, int count) {
  return fails(path_of(file), "writev") ? -1 : next(writev, "writev")(file, parts, count);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  return fails(path_of(file), "pwrite") ? -1 : next(pwrite, "pwrite")(file, bytes, size, at);
}
int fsync(int file) { return fails(path_of(file), "fsync") ? -1 : next(fsync, "fsync")(file); }
int fdatasync(int file) { return fails(path_of(file), "fdatasync") ? -1 : next(fdatasync, "fdatasync")(file); }
int rename(const char* from, const char* to) noexcept {
  return fails(absolute(to), "rename") ? -1 : next(rename, "rename")(from, to);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return fails(absolute(path), "mkdir") ? -1 : next(mkdir, "mkdir")(path, mode);
}
int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if ((flags & O_CREAT) != 0 && fails(absolute(path), "open")) return -1;
  using Open = int (*)(const char*, int, ...);
  static const auto real = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "open"));
  return real(path, flags, mode);
}

}  // extern "C"
