// Bodies of device.hpp.
#pragma once
#include "nada/core/device.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <sys/resource.h>
#include <torch/cuda.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <istream>
#include <limits>
#include <sstream>
#include <system_error>
#include <thread>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {
NADA_INLINE void wait_quietly(int n) {
  static const bool asked = std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY");
  static bool done = false;
  if (asked || done || n < 2) return;
  done = true;
  std::promise<void> ready;
  auto started = ready.get_future();
  std::thread([n, &ready] {
    at::set_num_threads(n);
    torch::zeros({1 << 20}).add_(1);  // large enough to be split among threads: this thread now has a team
    ready.set_value();
    std::promise<void>().get_future().wait();  // for the life of the process: the team ends with its thread
  }).detach();
  started.wait();
}

}  // namespace detail

NADA_INLINE void use_threads(int n) {
  require(n >= 0, "the number of threads must be 0 (all of this machine's) or more, not ", n);
  if (n == 0) n = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  at::set_num_threads(n);
  if (void* const symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<void (*)(int)>(symbol)(n);
  }
  detail::wait_quietly(n);
}

NADA_INLINE void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest value that glibc takes
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

NADA_INLINE bool convolutions_are_right() {
  const torch::NoGradGuard no_grad;
  const auto numbers = [](at::IntArrayRef size, int factor) {
    const auto i = torch::arange(c10::multiply_integers(size), torch::kInt64);
    return ((i * factor).remainder(101).to(torch::kFloat32) / 50 - 1).view(size);
  };
  const auto near = [](const Tensor& found, const Tensor& expected) {
    return (found - expected).abs().max().item<float>() <= 1e-3F * expected.abs().max().item<float>();
  };
  const std::int64_t in = 16, side = 16, area = side * side;
  for (const std::int64_t out : {3, 8})
    for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const auto x = numbers({2, in, side, side}, 37).contiguous(layout), w = numbers({out, in, 3, 3}, 53);
      const auto g = numbers({2, out, side, side}, 71).contiguous(layout);
      const auto columns = at::im2col(x, {3, 3}, {1, 1}, {1, 1}, {1, 1});  // [2, 9 in, area]
      const auto matrix = w.view({out, 9 * in}), rows = g.reshape({2, out, area});
      const auto by_x =
          at::col2im(at::matmul(matrix.t(), rows), at::IntArrayRef{side, side}, {3, 3}, {1, 1}, {1, 1}, {1, 1});
      const auto by_w = at::matmul(rows, columns.transpose(1, 2)).sum(0).view_as(w);
      const auto [found_x, found_w, found_b] = at::convolution_backward(
          g, x, w, at::OptionalIntArrayRef{}, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1, {true, true, false});
      if (!near(at::conv2d(x, w, {}, 1, 1), at::matmul(matrix, columns).view({2, out, side, side})) ||
          !near(found_x, by_x) || !near(found_w, by_w))
        return false;
    }
  return true;
}

NADA_INLINE std::string libtorch_origin() {
  Dl_info info{};
  const auto* const symbol = reinterpret_cast<const void*>(&at::globalContext);
  const std::string where = dladdr(symbol, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "unknown place";
  const auto devices = static_cast<int>(torch::cuda::device_count());
  const std::string cuda = !at::detail::getCUDAHooks().hasCUDART() ? "without CUDA"
                           : devices == 0                          ? "with CUDA, which finds no device here"
                                                                   : join("with CUDA, devices: ", devices);
  return "LibTorch " + libtorch_version() + " (" + where + ") " + cuda;
}

NADA_INLINE void distrust_wrong_convolutions() {
#if TORCH_VERSION_MAJOR >= 2
  struct Version {
    int major, minor, patch;  // the first members of dnnl_version_t
  };
  void* const symbol = dlsym(RTLD_DEFAULT, "dnnl_version");
  if (symbol != nullptr && at::globalContext().userEnabledMkldnn()) {
    const auto* const loaded = reinterpret_cast<const Version* (*)()>(symbol)();
    if (loaded->major == 3 && loaded->minor == 7) {
      at::globalContext().setUserEnabledMkldnn(false);
      std::cerr << "warning: oneDNN 3.7, which this LibTorch loads, computes wrong convolutions; without it they are "
                   "right, and slower\n";
    }
  }
#endif
  if (convolutions_are_right()) return;
  at::globalContext().setUserEnabledMkldnn(false);
  require(convolutions_are_right(), "LibTorch ", libtorch_version(),
          " computes wrong convolutions on this machine; take another version of it");
  std::cerr << "warning: the oneDNN of this LibTorch (" << libtorch_version()
            << ") computes wrong convolutions on this machine; without it they are right, and slower\n";
}

NADA_INLINE torch::Device parse_device(std::string_view text) {
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

NADA_INLINE std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name") && !line.starts_with("Model\t")) continue;  // ARM boards say `Model`
    const auto colon = line.find(':');
    const auto start = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (start != std::string::npos) return line.substr(start);
  }
  return "unknown processor";
}

namespace detail {
NADA_INLINE bool lists_bfloat16(std::istream& cpuinfo) {
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;  // ARM says `Features`
    std::istringstream words(line);
    for (std::string word; words >> word;)
      if (word == "avx512_bf16" || word == "amx_bf16" || word == "bf16") return true;
  }
  return false;
}
}  // namespace detail

NADA_INLINE bool multiplies_bfloat16() {
  std::ifstream info("/proc/cpuinfo");
  return detail::lists_bfloat16(info);
}

NADA_INLINE std::string settled_precision(const std::string& precision) {
  require(precision == "auto" || precision == "float32" || precision == "bfloat16",
          "option precision: expected auto, float32 or bfloat16, found '", precision, "'");
  return precision != "auto" ? precision : multiplies_bfloat16() ? "bfloat16" : "float32";
}

NADA_INLINE double peak_memory_mb() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;  // Linux counts KiB
}

}  // namespace nada
