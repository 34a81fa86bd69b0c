/// The machine: devices, threads, time and memory.
#pragma once
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/resource.h>
#include <torch/cuda.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <limits>
#include <string>
#include <string_view>
#include <thread>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

namespace detail {
/// Makes the threads of libgomp wait quietly. A waiting thread spins for milliseconds, which on a busy machine takes
/// the core from the thread that it waits for: steps became 60 times slower beside two other processes. libgomp spins
/// briefly where it manages more threads than there are processors, so an idle second team is all that is needed.
/// Environment variables that say how to wait (GOMP_SPINCOUNT, OMP_WAIT_POLICY) have the last word; they would have to
/// be set before the start.
inline void wait_quietly(int n) {
  static const bool asked = std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY");
  static bool done = false;
  if (asked || done || n < 2) return;
  done = true;
  std::promise<void> ready;
  auto started = ready.get_future();
  std::thread([n, &ready] {
    at::set_num_threads(n);
    torch::zeros({1 << 20}).add_(1);  // large enough to be shared out: this thread now has a team
    ready.set_value();
    std::promise<void>().get_future().wait();  // as long as the process lives: the team goes with its thread
  }).detach();
  started.wait();
}
}  // namespace detail

/// Computes on `n` threads from here on; 0: all of the hardware's. LibTorch's own loops and oneDNN follow OpenMP;
/// OpenBLAS (behind LibTorch's matrix products) may have a pool of its own, which LibTorch does not tell, so it is told
/// here. Sums over several threads are ordered by their number: a run repeats bit for bit with the same n. Errors:  n <
/// 0.
inline void use_threads(int n) {
  require(n >= 0, "the number of threads must be 0 (all of this machine's) or more, not ", n);
  if (n == 0) n = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  at::set_num_threads(n);
  if (void* const symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<void (*)(int)>(symbol)(n);
  }
  detail::wait_quietly(n);
}

/// Keeps memory that was freed for the next allocation, instead of handing it back to the system and asking again: a
/// step allocates what the last one freed, and each fresh page costs a fault and a clearing. Blocks of 32 MiB and more
/// still come and go. For programs, at their start; a C library other than glibc is left as it is.
inline void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // glibc's largest
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

/// Switches oneDNN off where it is known to compute wrong convolutions, and says so: version 3.7, which Debian 13's
/// LibTorch 2.6 loads. Gradients by contiguous images are garbage where a convolution has few output channels (3, 4 and
/// 8 were wrong, 16 and 32 right), and pinned to one processor it divided by zero. For programs, at their start. A
/// oneDNN inside LibTorch is left as it is.
inline void distrust_wrong_convolutions() {
#if TORCH_VERSION_MAJOR >= 2
  struct Version {
    int major, minor, patch;  // of more that dnnl_version_t has
  };
  void* const symbol = dlsym(RTLD_DEFAULT, "dnnl_version");
  if (symbol == nullptr || !at::globalContext().userEnabledMkldnn()) return;
  const auto* const loaded = reinterpret_cast<const Version* (*)()>(symbol)();
  if (loaded->major != 3 || loaded->minor != 7) return;
  at::globalContext().setUserEnabledMkldnn(false);
  std::cerr
      << "warning: oneDNN 3.7, which this LibTorch loads, computes wrong convolutions; without it they are right, "
         "and slower\n";
#endif
}

/// The device that `text` names: `cpu`, `cuda`, `cuda:N`, or `auto` (the first CUDA device, else the processor).
/// Errors:  another word; CUDA where this LibTorch or this machine has none; a device number that does not exist.
inline torch::Device parse_device(std::string_view text) {
  if (text == "cpu") return torch::kCPU;
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (text == "auto") return count > 0 ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
  int index = 0;
  bool valid = text == "cuda";
  if (text.starts_with("cuda:")) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + 5, end, index);
    valid = error == std::errc{} && stop == end && index >= 0;
  }
  require(valid, "device must be auto, cpu, cuda or cuda:N, not '", text, "'");
  if (count == 0 && !at::detail::getCUDAHooks().hasCUDART()) {
    fail("device ", text, " was asked for, but this LibTorch (", TORCH_VERSION,
         ") was built without CUDA; use --device cpu, or build with a LibTorch that has it");
  }
  require(count > 0, "device ", text, " was asked for, but LibTorch sees no CUDA device on this machine");
  require(index < count, "device ", text, " does not exist: this machine has ", count, " CUDA device",
          count == 1 ? ", cuda:0" : join("s, cuda:0 to cuda:", count - 1));
  return torch::Device(torch::kCUDA, static_cast<torch::DeviceIndex>(index));
}

/// What /proc/cpuinfo calls the processor, or "unknown processor".
inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name") && !line.starts_with("Model\t")) continue;  // ARM boards say `Model`
    const auto colon = line.find(':');
    const auto start = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (start != std::string::npos) return line.substr(start);
  }
  return "unknown processor";
}

/// The version this program was compiled against, such as 1.13.0 (Debian's 1.13.1 says that too).
inline std::string libtorch_version() { return TORCH_VERSION; }

/// The most memory this process has held so far, in MiB.
inline double peak_memory_mb() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;  // Linux counts KiB
}

/// Seconds on a clock that never goes back; only differences have a meaning.
inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace nada
