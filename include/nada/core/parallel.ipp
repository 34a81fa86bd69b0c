// Bodies of parallel.hpp.
#pragma once
#include "nada/core/parallel.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <vector>

#include "nada/core/config.hpp"

namespace nada {

namespace detail {
/// The entries of libgomp, which other OpenMP libraries have, too.
struct OpenMp {
  void (*parallel)(void (*call)(void*), void* data, unsigned threads, unsigned flags);
  void (*set_threads)(int count);

  static const OpenMp& loaded() {
    static const OpenMp found{
        reinterpret_cast<decltype(OpenMp::parallel)>(dlsym(RTLD_DEFAULT, "GOMP_parallel")),
        reinterpret_cast<decltype(OpenMp::set_threads)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"))};
    return found;
  }
  bool is_there() const { return parallel != nullptr && set_threads != nullptr; }
};

/// CallsOfThreads is what the threads of a region share: each takes the next call until none is left.
struct CallsOfThreads {
  const std::function<void(int)>& f;
  std::vector<std::exception_ptr> errors;
  std::atomic<int> next = 0;

  void run() {
    const int count = static_cast<int>(errors.size());
    for (int i = next++; i < count; i = next++) {
      try {
        f(i);
      } catch (...) {
        errors[static_cast<std::size_t>(i)] = std::current_exception();
      }
    }
  }
};
}  // namespace detail

NADA_INLINE void for_each_in_threads(int count, const std::function<void(int)>& f) {
  detail::CallsOfThreads calls{f, std::vector<std::exception_ptr>(static_cast<std::size_t>(count))};
  const auto call = [](void* data) {
    at::get_num_threads();  // a thread's first question sets its number, which must not happen later
    // oneDNN asks for this number to lay out barriers, even in a region, where it gets no threads to meet at them.
    detail::OpenMp::loaded().set_threads(1);
    static_cast<detail::CallsOfThreads*>(data)->run();
  };
  const int threads = std::min(count, at::get_num_threads());
  if (threads > 1 && detail::OpenMp::loaded().is_there())
    detail::OpenMp::loaded().parallel(call, &calls, static_cast<unsigned>(threads), 0);
  else
    calls.run();
  for (const auto& error : calls.errors)
    if (error) std::rethrow_exception(error);
}

NADA_INLINE bool is_split_worthwhile(std::size_t parts, bool on_processor) {
  const auto threads = static_cast<std::size_t>(at::get_num_threads());
  return on_processor && parts > 1 && threads > 1 && threads <= 2 * parts;
}

}  // namespace nada
