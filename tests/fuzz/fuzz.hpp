/// What the fuzz targets share. A target reads bytes that nobody vouches for; the only two good endings are a value and
/// an nada::Error with one clear sentence that names the input. Anything else ends the program and is a finding:
/// another exception, what the sanitizers see, a leak, more memory than the input's size has reason to, a muddled
/// sentence.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/file.hpp"

extern "C" {  // what the sanitizers' runtime and libFuzzer call or offer; GCC 12 comes without their header
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                              void (*on_free)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void* block);
void __sanitizer_print_stack_trace();
}

namespace nada::fuzz {

using Bytes = std::span<const std::byte>;

inline Bytes as_input(const std::uint8_t* data, std::size_t size) { return std::as_bytes(std::span(data, size)); }

[[noreturn]] inline void finding(std::string_view what) {
  std::fprintf(stderr, "finding: %.*s\n", static_cast<int>(what.size()), what.data());
  __sanitizer_print_stack_trace();
  std::abort();
}
/// An assertion about what was read.
inline void hold(bool condition, std::string_view what) {
  if (!condition) finding(what);
}

/// Counts what new and malloc hold, in this program and its libraries, while an object of it lives; at most 64 MiB and
/// 4 times the input may be in use at once. Files that are mapped do not count.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t input_size) {
    static const bool installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0;
    hold(installed, "the allocations cannot be counted");
    if (depth_++ > 0) return;  // the outermost counts for all
    used_ = 0;
    limit_ = (std::int64_t{64} << 20) + 4 * static_cast<std::int64_t>(input_size);
    counting_ = true;
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() {
    if (--depth_ == 0) counting_ = false;
  }

 private:
  static void on_malloc(const volatile void*, std::size_t size) {
    if (!counting_) return;
    used_ += static_cast<std::int64_t>(size);
    if (used_ <= limit_) return;
    counting_ = false;
    std::fprintf(stderr, "%lld bytes in use, expected at most %lld\n", static_cast<long long>(used_),
                 static_cast<long long>(limit_));
    finding("more memory than an input of its size has reason to");
  }
  static void on_free(const volatile void* block) {
    if (counting_ && block != nullptr) used_ -= static_cast<std::int64_t>(__sanitizer_get_allocated_size(block));
  }

  static inline int depth_ = 0;
  static inline std::atomic<bool> counting_{false};
  static inline std::atomic<std::int64_t> used_{0}, limit_{0};
};

/// Runs `read`, which calls its input `name` in errors. Returns whether it came to its end.
template <class Read>
bool attempt(std::string_view name, std::size_t input_size, Read&& read) {
  std::string sentence;
  {
    const MemoryLimit limit(input_size);
    try {
      read();
      return true;
    } catch (const Error& error) {
      sentence = error.what();
    }
  }
  const bool plain = std::none_of(sentence.begin(), sentence.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (!sentence.starts_with(std::string(name) + ": ") || !plain || !is_utf8(sentence) || sentence.size() > 4000)
    finding("an error that is no sentence about the input: " + sentence);
  return false;
}

/// The input as a file, for what reads files only. One for the whole program: a later one replaces it.
inline std::filesystem::path as_file(Bytes bytes) {
  static const int file = ::memfd_create("input", MFD_CLOEXEC);
  hold(file >= 0 && ::ftruncate(file, 0) == 0 &&
           ::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
       "the input cannot become a file");
  return "/proc/self/fd/" + std::to_string(file);
}

/// Reads the first and the last byte, so that the sanitizers see where they are.
inline void touch(Bytes bytes) {
  if (bytes.empty()) return;
  static_cast<void>(*static_cast<const volatile std::byte*>(&bytes.front()));
  static_cast<void>(*static_cast<const volatile std::byte*>(&bytes.back()));
}

}  // namespace nada::fuzz
