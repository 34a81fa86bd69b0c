/// The machine: devices, threads, time and memory.
#pragma once
#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "nada/core/tensor.hpp"

namespace nada {

namespace detail {
/// Makes the threads of libgomp wait quietly. A waiting thread spins for milliseconds, which on a busy machine takes
/// the core from the thread that it waits for: steps became 60 times slower beside two other processes. libgomp spins
/// briefly where it manages more threads than there are processors, so an idle second team of `n` threads is enough.
/// Environment variables that say how to wait (GOMP_SPINCOUNT, OMP_WAIT_POLICY) have the last word; a program reads
/// them at its start, so they cannot be set here.
void wait_quietly(int n);
}  // namespace detail

/// Computes on `n` threads from here on; 0 means all threads of the hardware. LibTorch's own loops and oneDNN follow
/// OpenMP. OpenBLAS (behind LibTorch's matrix products) may have a pool of threads of its own, whose size LibTorch does
/// not set, so the number is set here as well. The order of a sum over several threads depends on their number: a run
/// repeats bit for bit with the same n.
/// Errors:  n < 0.
void use_threads(int n);

/// Keeps freed memory for the next allocation, instead of handing it back to the system: a step allocates what the last
/// step freed, and each fresh page costs a fault and a clearing. Blocks of 32 MiB and more are still handed back, unless
/// MALLOC_MMAP_MAX_=0 is in the environment, which is faster at large sizes and has a higher peak.
/// Programs call this function at their start. A C library other than glibc is left as it is.
void keep_freed_memory();

/// Switches oneDNN off where it computes wrong convolutions, and says so: where convolutions_are_right() finds it, and in
/// version 3.7, which Debian 13's LibTorch 2.6 loads. There gradients by contiguous images are garbage where a
/// convolution has few output channels (3, 4 and 8 were wrong, 16 and 32 right), and on one processor alone that version
/// divided by zero. Programs call this function at their start; it takes some milliseconds.
/// Errors:  convolutions that are wrong without oneDNN, too.
void distrust_wrong_convolutions();

/// Whether a small convolution and its gradients agree with plain products, to 1e-3 of the largest number: with 3 and with
/// 8 output channels, contiguous and channels last.
bool convolutions_are_right();

/// Returns the device that `text` names: `cpu`, `cuda`, `cuda:N`, or `auto` (the first
/// CUDA device, else the processor).
/// Errors:  another word; CUDA where this LibTorch or this machine has none; a device number that does not exist.
torch::Device parse_device(std::string_view text);

/// Returns the processor's name in /proc/cpuinfo, or "unknown processor".
std::string processor_name();

/// Whether this processor has instructions that multiply in bfloat16 (AVX-512 BF16, AMX or ARM's BF16). On another one
/// LibTorch computes such products too, many times slower than in float32.
bool multiplies_bfloat16();

/// Returns what products are to compute in, `float32` or `bfloat16`, of the value of an option `precision`: `auto` means
/// bfloat16 where the processor multiplies in it, and float32 elsewhere. A program saves what this function returns, so
/// that a run goes on in the same precision anywhere.
/// Errors:  another word.
std::string settled_precision(const std::string& precision);
/// Returns the type of a settled precision; none: float32.
inline std::optional<torch::ScalarType> products_in(std::string_view precision) {
  return precision == "bfloat16" ? std::optional(torch::kBFloat16) : std::nullopt;
}

namespace detail {
/// Whether a text like /proc/cpuinfo lists an instruction that multiplies in bfloat16.
bool lists_bfloat16(std::istream& cpuinfo);
}  // namespace detail

/// Returns the version of LibTorch that this program was compiled against, such as 1.13.0
/// (Debian's 1.13.1 reports 1.13.0 too).
inline std::string libtorch_version() { return TORCH_VERSION; }

/// Returns which LibTorch a program runs with, where it was loaded from, and whether it computes on CUDA, in one line.
std::string libtorch_origin();

/// Returns the most memory that this process has held so far, in MiB.
double peak_memory_mb();

/// Returns seconds on a clock that never goes back; only differences between two readings have a meaning.
inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/device.ipp"
#endif
