// What this machine can do at most, measured in the run that is compared with it.
#pragma once
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <limits>

#include "nada/core/device.hpp"

namespace ceiling {

/// Returns the shortest of some times of a call, in seconds.
template <class Call>
double best_of(int times, Call&& call) {
  call();
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < times; ++i) {
    const double begin = nada::seconds_now();
    call();
    best = std::min(best, nada::seconds_now() - begin);
  }
  return best;
}

/// Returns the operations a second of a 3x3 convolution of 256 channels in float32, on the threads that are set: a
/// multiplication and an addition count as two.
inline double operations() {
  static const double found = [] {
    const at::NoGradGuard no_grad;
    const auto x = at::rand({4, 256, 64, 64}), weight = at::rand({256, 256, 3, 3});
    return 2.0 * 4 * 256 * 256 * 9 * 64 * 64 /
           best_of(5, [&] { benchmark::DoNotOptimize(at::conv2d(x, weight, {}, 1, 1)); });
  }();
  return found;
}

/// Returns the bytes a second that a copy of 256 MiB reads and writes.
inline double bytes() {
  static const double found = [] {
    const auto from = at::rand({64 << 20});
    auto to = at::empty_like(from);
    return 2.0 * 4 * (64 << 20) / best_of(5, [&] { benchmark::DoNotOptimize(to.copy_(from)); });
  }();
  return found;
}

/// Adds the columns GFLOP/s and "of ceiling" to a benchmark of so many operations a call.
inline void tell_operations(benchmark::State& state, double count) {
  using enum benchmark::Counter::Flags;
  state.counters["GFLOP/s"] = benchmark::Counter(count / 1e9, kIsIterationInvariantRate);
  state.counters["of ceiling"] = benchmark::Counter(count / operations(), kIsIterationInvariantRate);
}
/// Adds the columns GB/s and "of ceiling" to a benchmark that reads and writes so many bytes a call at least.
inline void tell_bytes(benchmark::State& state, double count) {
  using enum benchmark::Counter::Flags;
  state.counters["GB/s"] = benchmark::Counter(count / 1e9, kIsIterationInvariantRate);
  state.counters["of ceiling"] = benchmark::Counter(count / bytes(), kIsIterationInvariantRate);
}

}  // namespace ceiling
