// Bodies of machine_options.hpp.
#pragma once
#include "nada/experiment/machine_options.hpp"

#include <sched.h>
#include <torch/cuda.h>

#include <algorithm>
#include <thread>

#include "nada/core/config.hpp"
#include "nada/core/device.hpp"
#include "nada/core/process_group.hpp"

namespace nada {

namespace detail {
/// Returns how many threads one of `processes` on this machine computes on: its part of the machine's, and no more than
/// the processors that it is bound to.
NADA_INLINE int threads_of_rank(int processes) {
  int all = static_cast<int>(std::thread::hardware_concurrency()) / processes;
#ifdef __linux__
  cpu_set_t bound;
  if (sched_getaffinity(0, sizeof bound, &bound) == 0) all = std::min(all, CPU_COUNT(&bound));
#endif
  return std::max(1, all);
}
}  // namespace detail

NADA_INLINE void MachineOptions::declare(OptionTable& table) {
  table.group("Machine");
  table.add("device", device, "auto, cpu, cuda or cuda:N", OptionTable::Kind::saved, "NAME");
  table.add("threads", threads, "threads to compute with; 0: all");
}

NADA_INLINE torch::Device MachineOptions::place() const {
  const auto found = parse_device(device);
  if (world().is_alone() || !found.is_cuda() || device.starts_with("cuda:")) return found;
  const auto count = static_cast<int>(torch::cuda::device_count());
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(world().local_rank() % count)};
}

NADA_INLINE void MachineOptions::use() const {
  keep_freed_memory();
  use_threads(threads == 0 && !world().is_alone() ? detail::threads_of_rank(world().local_size()) : threads);
  distrust_wrong_convolutions();
}

}  // namespace nada
